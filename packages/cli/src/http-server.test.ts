import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { listen } from './http-server.ts';

test('what is refused by its head alone gets no further, and its connection goes on', async () => {
  const server = await listen('127.0.0.1', 0);
  const headers = ['retry-after', '2'];
  const refusal = { status: 429, headers, body: '{"code":"too_many_runs"}' };
  const heads: unknown[] = [];
  server.serve(
    async (request) => new Response(await request.text()),
    (head) => {
      heads.push(head);
      return head.authorization === undefined ? refusal : null;
    },
  );
  const body = 'x'.repeat(300_000);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const post = async (path: string, authorization?: string) => {
    const options = { method: 'POST', agent, headers: authorization === undefined ? {} : { authorization } };

    const sent = request(`${server.url}${path}`, options).end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return {
      status: answer.statusCode,
      after: answer.headers['retry-after'],
      text: await text(answer),
      sent,
    };
  };
  const refused = await post('/a?b');
  expect([refused.status, refused.after, refused.text]).toEqual([429, '2', refusal.body]);
  const taken = await post('/c', 'Bearer k');
  expect([taken.status, taken.text]).toEqual([200, body]);
  expect(taken.sent.reusedSocket).toBe(true);
  expect(heads).toEqual([
    { method: 'POST', url: '/a?b', authorization: undefined, length: '300000' },
    { method: 'POST', url: '/c', authorization: 'Bearer k', length: '300000' },
  ]);
  agent.destroy();
  await server.end();
});

test('an end cuts off whoever does not read; before it everything open is answered', async () => {
  const server = await listen('127.0.0.1', 0);
  const chunk = new Uint8Array(64 * 1024);
  server.serve(() => new Response(new ReadableStream({ pull: (stream) => stream.enqueue(chunk) })));
  const client = connect(server.port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nhost: test\r\n\r\n');
  await once(client, 'readable');
  let isClosed = false;
  const closing = server.close().then(() => {
    isClosed = true;
  });
  // A refused connection: the server has stopped listening, and the answer is still open.
  await expect(fetch(server.url)).rejects.toThrow();
  expect(isClosed).toBe(false);
  await server.end();
  await closing;
  client.destroy();
});

test('a reader that never reads is cut off, and what was sent to it is given up', async () => {
  const server = await listen('127.0.0.1', 0, 100);
  const givenUp = new Promise<void>((resolve) => {
    const chunk = new Uint8Array(256 * 1024);
    server.serve(
      () => new Response(new ReadableStream({ pull: (to) => to.enqueue(chunk), cancel: () => resolve() })),
    );
  });
  const reader = connect({
    port: server.port,
    host: '127.0.0.1',
    onread: { buffer: Buffer.alloc(1), callback: () => false },
  });
  reader.on('error', () => {});
  reader.write('GET / HTTP/1.1\r\nhost: h\r\n\r\n');
  await givenUp;
  reader.destroy();
  await server.end();
});
