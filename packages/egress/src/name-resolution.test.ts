import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { cleanUp, egressFor, request, serve } from '../test/harness.ts';

afterEach(cleanUp);

interface Resolver {
  lookup: LookupFunction;
  asked: { hostname: string; all: boolean | undefined }[];
}

/** Answers each question with the next list of addresses, the last one for ever. */
function resolver(...answers: string[][]): Resolver {
  const asked: Resolver['asked'] = [];
  const lookup: LookupFunction = (hostname, options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)]!;
    asked.push({ hostname, all: options.all });
    const list: LookupAddress[] = addresses.map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    queueMicrotask(() => callback(null, list));
  };
  return { lookup, asked };
}

describe('names', () => {
  it('are looked up once for a connection, which goes to the address that was checked', async () => {
    const { port, received } = await serve((_, response) => response.end('ok'));
    const { lookup, asked } = resolver(['127.0.0.1'], ['10.0.0.1']);
    const answer = await egressFor({ lookup }).post(request(`http://named.test:${port}/`)).answer;
    expect(answer).toMatchObject({ kind: 'answer', body: 'ok' });
    expect(received[0]!.message.headers.host).toBe(`named.test:${port}`);
    expect(asked).toEqual([{ hostname: 'named.test', all: true }]);
  });

  it('that turn private are refused at the next connection', async () => {
    const { port, received } = await serve((_, response) =>
      response.setHeader('connection', 'close').end('ok'),
    );
    const { lookup, asked } = resolver(['127.0.0.1'], ['10.0.0.1']);
    const egress = egressFor({ lookup });
    const url = `http://named.test:${port}/`;
    expect(await egress.post(request(url)).answer).toMatchObject({ kind: 'answer' });
    expect(await egress.post(request(url)).answer).toMatchObject({
      phase: 'policy',
      code: 'address_refused',
    });
    expect([received.length, asked.length]).toEqual([1, 2]);
  });

  it.each([
    ['127.0.0.1', '10.0.0.1'],
    ['10.0.0.1', '127.0.0.1'],
    ['127.0.0.1', '::ffff:10.0.0.1'],
    ['127.0.0.1', 'fe80::1%eth0'],
    ['127.0.0.1', 'not an address'],
  ])('with the addresses %s and %s are refused as a whole', async (...addresses) => {
    const { port, received } = await serve((_, response) => response.end('ok'));
    const { lookup } = resolver(addresses);
    const answer = await egressFor({ lookup }).post(request(`http://named.test:${port}/`)).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase: 'policy', code: 'address_refused' });
    expect(answer.kind === 'failure' && answer.message).not.toContain('10.0.0.1');
    expect(received).toHaveLength(0);
  });

  it('are judged for TLS alike', async () => {
    const { lookup } = resolver(['10.0.0.1']);
    const answer = await egressFor({ lookup }).post(request('https://named.test/')).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase: 'policy', code: 'address_refused' });
  });

  it('of this very server are refused on its own port', async () => {
    const { port, received } = await serve((_, response) => response.end());
    const { lookup } = resolver(['127.0.0.1']);
    const egress = egressFor({ lookup, ownPorts: [port] });
    expect(await egress.post(request(`http://named.test:${port}/`)).answer).toMatchObject({
      code: 'address_refused',
    });
    expect(received).toHaveLength(0);
  });

  it('without an address, or that do not resolve, fail', async () => {
    const none = egressFor({ lookup: resolver([]).lookup });
    expect(await none.post(request('http://named.test/')).answer).toMatchObject({ kind: 'failure' });
    const lookup: LookupFunction = (hostname, _options, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), []);
    const answer = await egressFor({ lookup }).post(request('http://named.test/')).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase: 'connect', code: 'connect_failed' });
  });

  it('are not asked for a numeric host', async () => {
    const { url } = await serve((_, response) => response.end('ok'));
    const { lookup, asked } = resolver(['10.0.0.1']);
    expect(await egressFor({ lookup }).post(request(url)).answer).toMatchObject({ body: 'ok' });
    expect(asked).toEqual([]);
  });
});
