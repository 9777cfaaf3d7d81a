import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { cleanUp, egressFor, request, serve, serveTcp } from '../test/harness.ts';

afterEach(cleanUp);

describe('a server that misbehaves', () => {
  it('is cut when its body is too large, whether it says the length or not', async () => {
    const { url } = await serve((message, response) => {
      if (message.url === '/sized') response.setHeader('content-length', 10_000_000_000);
      const more = () => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
    });
    const egress = egressFor({ responseBytesMax: 100_000 });
    for (const path of ['sized', 'chunked']) {
      const answer = await egress.post(request(url + path)).answer;
      expect(answer).toMatchObject({ kind: 'failure', phase: 'receive', code: 'response_too_large' });
    }
  });

  it('may send exactly as much as is allowed', async () => {
    const { url } = await serve((message, response) =>
      response.end('x'.repeat(message.url === '/a' ? 1000 : 1001)),
    );
    const egress = egressFor({ responseBytesMax: 1000 });
    expect(await egress.post(request(`${url}a`)).answer).toMatchObject({
      kind: 'answer',
      body: 'x'.repeat(1000),
    });
    expect(await egress.post(request(`${url}b`)).answer).toMatchObject({ code: 'response_too_large' });
  });

  it('may cut its answer into the smallest chunks', async () => {
    const text = Array.from({ length: 30_000 }, (_, i) => i % 10).join('');
    const { port } = await serveTcp((socket) => {
      const chunks = [...text].map((char) => `1\r\n${char}\r\n`).join('');
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
      });
    });
    const answer = await egressFor().post(request(`http://127.0.0.1:${port}/`)).answer;
    expect(answer).toMatchObject({ kind: 'answer', body: text });
  });

  it('cannot make it decompress a bomb', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const { url } = await serve((_, response) => response.setHeader('content-encoding', 'gzip').end(bomb));
    const answer = await egressFor().post(request(url)).answer;
    expect(answer).toMatchObject({ kind: 'answer', headers: { 'content-encoding': 'gzip' } });
    expect(answer.kind === 'answer' && answer.body.length).toBeLessThanOrEqual(bomb.length);
  });

  it('is cut when its headers are too large', async () => {
    const { port } = await serveTcp((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${`x-pad: ${'x'.repeat(1000)}\r\n`.repeat(1000)}\r\n`);
    });
    const answer = await egressFor().post(request(`http://127.0.0.1:${port}/`)).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase: 'receive', code: 'response_too_large' });
  });

  it.each([
    ['never answers', 'send', ''],
    ['sends a byte of its headers now and then', 'send', 'HTTP/1.1 200 OK\r\nx-pad: '],
    [
      'sends a byte of its body now and then',
      'receive',
      'HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n',
    ],
  ])('is cut at the deadline when it %s', async (_, phase, head) => {
    const sockets: Socket[] = [];
    const { port } = await serveTcp((socket) => {
      sockets.push(socket);
      if (head === '') return;
      socket.write(head);
      const drip = setInterval(() => socket.write('x'), 5);
      socket.on('close', () => clearInterval(drip));
    });
    const egress = egressFor();
    const answer = await egress.post(request(`http://127.0.0.1:${port}/`, { timeoutMs: 150 })).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase, code: 'timeout' });
    expect(answer.durationMs).toBeGreaterThanOrEqual(140);
    // Only the first: undici opens another connection in its place, and sends nothing on it.
    await expect.poll(() => sockets[0]?.closed, { interval: 1 }).toBe(true);
  });

  it.each([
    ['before an answer', 'send', ''],
    ['in the middle of the headers', 'send', 'HTTP/1.1 200 OK\r\ncontent-le'],
    ['in the middle of a sized body', 'receive', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
    [
      'in the middle of a chunked body',
      'receive',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    ],
  ])('that closes %s loses the connection, and gets no second request', async (_, phase, head) => {
    let connections = 0;
    const { port } = await serveTcp((socket) => {
      connections++;
      socket.once('data', () => socket.end(head));
    });
    const answer = await egressFor().post(request(`http://127.0.0.1:${port}/`)).answer;
    expect(answer).toMatchObject({ kind: 'failure', phase, code: 'connection_lost' });
    expect(connections).toBe(1);
  });

  it('that closes a kept connection under the next request loses it, without a silent second try', async () => {
    let requests = 0;
    const { port } = await serveTcp((socket) => {
      socket.on('data', () => {
        requests++;
        if (requests === 1) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
        else socket.destroy();
      });
    });
    const egress = egressFor();
    const url = `http://127.0.0.1:${port}/`;
    expect(await egress.post(request(url)).answer).toMatchObject({ kind: 'answer' });
    expect(await egress.post(request(url)).answer).toMatchObject({ phase: 'send', code: 'connection_lost' });
    expect(requests).toBe(2);
  });

  it.each([
    ['speaks something else', 'SSH-2.0-OpenSSH_9\r\n'],
    [
      'switches protocols unasked',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    ],
    ['sends two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
  ])('that %s is not believed', async (_, bytes) => {
    const { port } = await serveTcp((socket) => socket.once('data', () => socket.write(bytes)));
    const answer = await egressFor().post(request(`http://127.0.0.1:${port}/`)).answer;
    expect(answer).toMatchObject({ kind: 'failure', code: 'connection_lost' });
  });

  it('may send hints first, invalid UTF-8, and names from the prototype', async () => {
    const { port } = await serveTcp((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
        socket.write('HTTP/1.1 200 OK\r\n__proto__: a\r\nconstructor: b\r\ncontent-length: 3\r\n\r\na');
        socket.write(Buffer.from([0xff, 0x62]));
      });
    });
    const answer = await egressFor().post(request(`http://127.0.0.1:${port}/`)).answer;
    expect(answer).toMatchObject({ kind: 'answer', status: 200, body: 'a\ufffdb' });
    expect(Object.entries(answer.kind === 'answer' ? answer.headers : {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['content-length', '3'],
    ]);
  });
});
