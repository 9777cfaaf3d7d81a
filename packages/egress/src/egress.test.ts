import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { cleanUp, deadPort, egressFor, listen, request, serve, serveTcp } from '../test/harness.ts';
import { cert, key } from '../test/self-signed.ts';
import { createEgress } from './egress.ts';

afterEach(async () => {
  vi.unstubAllEnvs();
  await cleanUp();
});

describe('post', () => {
  it('sends one POST and gives status, headers and body', async () => {
    const { url, received } = await serve((_, response) => {
      response.writeHead(201, { 'x-one': '1', 'set-cookie': ['a=1', 'b=2'] }).end('{"é":"✓"}');
    });
    const userHeaders = { authorization: 'Bearer t' };
    const answer = await egressFor().post(request(`${url}a/b?c=d#e`, { userHeaders })).answer;
    expect(answer).toMatchObject({ kind: 'answer', status: 201, body: '{"é":"✓"}' });
    expect(answer).toMatchObject({ headers: { 'x-one': '1', 'set-cookie': ['a=1', 'b=2'] } });
    expect(answer.durationMs).toBeGreaterThan(0);
    expect(received).toHaveLength(1);
    const [{ message, body }] = received as [(typeof received)[0]];
    expect([message.method, message.url, body]).toEqual(['POST', '/a/b?c=d', '{"a":1}']);
    expect(message.headers).toMatchObject({ authorization: 'Bearer t', 'accept-encoding': 'identity' });
  });

  it('asks once more when a connection stands: what may not be sent by then is not', async () => {
    const { url, received } = await serve((_, response) => response.end('ok'));
    let mayStart = true;
    const egress = egressFor();
    const late = egress.post(request(url), () => mayStart);
    mayStart = false;
    expect(await late.answer).toMatchObject({ kind: 'failure', code: 'aborted' });
    expect(received).toHaveLength(0);
    mayStart = true;
    const sent = egress.post(request(url), () => mayStart);
    expect(await sent.answer).toMatchObject({ kind: 'answer', body: 'ok' });
  });

  it('keeps connections, and waits in line past the cap', async () => {
    const { url, server } = await serve((_, response) => response.end('ok'));
    const onConnection = vi.fn();
    server.on('connection', onConnection);
    const egress = egressFor({ connectionsPerOrigin: 2 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => egress.post(request(url)).answer));
    expect(answers.map((answer) => answer.kind === 'answer' && answer.body)).toEqual(Array(10).fill('ok'));
    expect(onConnection).toHaveBeenCalledTimes(2);
  });

  it('tells when the cap of an origin is reached, and when a place is free again', async () => {
    const pending: (() => void)[] = [];
    const { url } = await serve((_, response) => pending.push(() => response.end()));
    const egress = egressFor({ connectionsPerOrigin: 2 });
    expect(egress.hasRoom(url)).toBe(true);
    const first = egress.post(request(url));
    const second = egress.post(request(url));
    expect([egress.hasRoom(url), egress.inFlight]).toEqual([false, 2]);
    expect(egress.hasRoom('http://127.0.0.1:1/')).toBe(true);
    await expect.poll(() => pending.length, { interval: 1 }).toBe(2);
    pending[0]!();
    await Promise.race([first.answer, second.answer]);
    expect([egress.hasRoom(url), egress.inFlight]).toEqual([true, 1]);
    expect([egress.hasRoom(url, 1), egress.hasRoom(url, 2)]).toEqual([false, true]);
    expect(egress.hasRoom('not a url')).toBe(true);
  });

  it.each([301, 302, 303, 307, 308])('does not follow a %i', async (status) => {
    const inner = await serve((_, response) => response.end('secret'));
    const { url } = await serve((_, response) => response.writeHead(status, { location: inner.url }).end());
    expect(await egressFor().post(request(url)).answer).toMatchObject({ kind: 'answer', status });
    expect(inner.received).toHaveLength(0);
  });

  it('ignores the proxy variables', async () => {
    const proxy = await serve((_, response) => response.end('from the proxy'));
    for (const name of ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY']) vi.stubEnv(name, proxy.url);
    vi.stubEnv('NO_PROXY', '');
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    const { url } = await serve((_, response) => response.end('direct'));
    expect(await egressFor().post(request(url)).answer).toMatchObject({ body: 'direct' });
  });

  it('verifies certificates, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const onRequest = vi.fn();
    const server = createTlsServer({ key, cert }, onRequest);
    const port = await listen(server);
    const answer = await egressFor().post(request(`https://localhost:${port}/`)).answer;
    server.close();
    expect(answer).toMatchObject({ kind: 'failure', phase: 'connect', code: 'connect_failed' });
    expect(onRequest).not.toHaveBeenCalled();
  });

  it('reports a refused connection', async () => {
    const answer = await egressFor().post(request(`http://127.0.0.1:${await deadPort()}/`)).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase: 'connect', code: 'connect_failed' });
  });

  it('reports a connection that takes too long', async () => {
    const { port } = await serveTcp(() => {}); // accepts, but never answers the TLS handshake
    const egress = egressFor({ connectTimeoutMs: 50 });
    const answer = await egress.post(request(`https://localhost:${port}/`)).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase: 'connect', code: 'connect_failed' });
  });
});

describe('the policy of post', () => {
  it.each([
    ['address_refused', 'http://127.0.0.1:1/', {}],
    ['address_refused', 'http://[::1]:1/', {}],
    ['url_refused', 'file:///etc/passwd', {}],
    ['url_refused', 'nonsense', {}],
    ['header_refused', 'http://example.com/', { 'x-a': 'b\r\nc: d' }],
    ['header_refused', 'http://example.com/', { 'Webhook-Id': 'forged' }],
  ])('answers %s for %s', async (code, url, userHeaders) => {
    const egress = createEgress({ allow: [] });
    const answer = await egress.post(request(url, { userHeaders })).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase: 'policy', code });
    expect(egress.inFlight).toBe(0);
  });

  it('also checks the headers that Waybill sets', async () => {
    const { url, received } = await serve((_, response) => response.end());
    const headers = { 'waybill-step': 'a\r\nx: y' };
    const answer = await egressFor().post(request(url, { headers })).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase: 'policy', code: 'header_refused' });
    expect(received).toHaveLength(0);
  });

  it('does not connect to its own port', async () => {
    const { url, port, received } = await serve((_, response) => response.end());
    const answer = await egressFor({ ownPorts: [port] }).post(request(url)).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase: 'policy', code: 'address_refused' });
    expect(received).toHaveLength(0);
  });
});

describe('abort and close', () => {
  it('aborts before there is a connection, and the request is never sent', async () => {
    const { url, received } = await serve((_, response) => response.end('second'));
    const egress = egressFor({ connectionsPerOrigin: 1 });
    const first = egress.post(request(url, { body: 'first' }));
    const second = egress.post(request(url, { body: 'second' }));
    first.abort();
    expect(await first.answer).toMatchObject({ phase: 'connect', code: 'aborted' });
    expect(await second.answer).toMatchObject({ kind: 'answer' });
    expect(received.map(({ body }) => body)).toEqual(['second']);
  });

  it('aborts in flight, which the server sees', async () => {
    const { url, server } = await serve(() => {});
    const egress = egressFor();
    const open = egress.post(request(url));
    const [{ socket }] = await once(server, 'request');
    open.abort();
    open.abort();
    expect(await open.answer).toMatchObject({ kind: 'failure', phase: 'send', code: 'aborted' });
    await once(socket, 'close');
    expect(egress.inFlight).toBe(0);
    await expect.poll(() => egress.hasRoom(url)).toBe(true);
  });

  it('has no effect on an answer that is there', async () => {
    const { url } = await serve((_, response) => response.end('ok'));
    const open = egressFor().post(request(url));
    await open.answer;
    open.abort();
    expect(await open.answer).toMatchObject({ kind: 'answer', body: 'ok' });
  });

  it('leaves no socket after close: in flight, idle, or still connecting', async () => {
    const waiting = await serveTcp(() => {});
    const idle = await serveTcp((socket) => {
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
    });
    const egress = egressFor();
    const plain = egress.post(request(`http://127.0.0.1:${waiting.port}/`));
    const handshake = egress.post(request(`https://localhost:${waiting.port}/`));
    await egress.post(request(`http://127.0.0.1:${idle.port}/`)).answer;
    await expect.poll(() => waiting.sockets.size, { interval: 1 }).toBe(2);
    expect(idle.sockets.size).toBe(1);
    await egress.close();
    expect(await plain.answer).toMatchObject({ code: 'aborted' });
    expect(await handshake.answer).toMatchObject({ code: 'aborted' });
    await expect.poll(() => waiting.sockets.size + idle.sockets.size, { interval: 1 }).toBe(0);
    expect(await egress.post(request(`http://127.0.0.1:${idle.port}/`)).answer).toMatchObject({
      code: 'aborted',
    });
    expect(idle.sockets.size).toBe(0);
  });
});
