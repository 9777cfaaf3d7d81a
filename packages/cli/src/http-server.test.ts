import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { listen } from './http-server.ts';

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
