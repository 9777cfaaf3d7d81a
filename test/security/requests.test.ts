/** S13 over real sockets: what is too large, too deep or packed is refused, and others are not disturbed. */
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly connection: string | undefined;
}

/** Sends the chunks as they are and reads the answer, which may come before the last of them is taken. */
function post(headers: Record<string, string>, chunks: Iterable<string | Buffer>): Promise<Answer> {
  const { url, apiKey } = platform.now;
  const all = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers };
  return new Promise((resolve, reject) => {
    const call = request(`${url}/v1/workflows`, { method: 'POST', headers: all }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const { code } = JSON.parse(Buffer.concat(parts).toString()) as { code: string };
        resolve({ status: response.statusCode!, code, connection: response.headers.connection });
        call.destroy();
      });
    });
    call.on('error', reject);
    for (const chunk of chunks) call.write(chunk);
    call.end();
  });
}

const spaces = (mib: number) => Array<string>(mib * 16).fill(' '.repeat(65_536));

test.each<[string, Record<string, string>, () => Iterable<string | Buffer>, Answer]>([
  [
    'a declared body above the limit, before it is sent',
    { 'content-length': String(2 ** 31) },
    () => ['{'],
    { status: 413, code: 'payload_too_large', connection: 'close' },
  ],
  [
    'a chunked body above the limit',
    {},
    () => spaces(2),
    { status: 413, code: 'payload_too_large', connection: 'close' },
  ],
  [
    '1 MiB of open brackets',
    {},
    () => ['['.repeat(2 ** 20)],
    { status: 400, code: 'invalid_json', connection: 'keep-alive' },
  ],
  [
    'half a MiB of nesting',
    {},
    () => ['['.repeat(2 ** 19) + ']'.repeat(2 ** 19)],
    { status: 400, code: 'invalid_json', connection: 'keep-alive' },
  ],
  [
    'a compressed body',
    { 'content-encoding': 'gzip' },
    () => [gzipSync('{}')],
    { status: 415, code: 'unsupported_media_type', connection: 'keep-alive' },
  ],
])('%s', async (_name, headers, chunks, expected) => {
  expect(await post(headers, chunks())).toEqual(expected);
  expect((await platform.now.client.runToEnd({ id: 'after', steps: [{ id: 'a', url: '/a' }] })).state).toBe(
    'completed',
  );
});
