/** S4 and S7 through real runs: redirects are not followed, answers without end are cut. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

/** A handler that speaks HTTP by hand. */
async function hostile(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const runStep = (url: string, more: object = {}) =>
  platform.now.client.runToEnd({ id: 'hostile', steps: [{ id: 'a', url, ...more }] });

test.each([301, 302, 303, 307, 308])(
  'a redirect %d is not followed and fails the step for good',
  async (status) => {
    const { handlers, client } = platform.now;
    handlers.on('/from', { status, headers: { location: `${handlers.url}/to` } });
    const run = await runStep('/from');
    expect(run.steps[0]).toMatchObject({
      state: 'failed',
      attempts: 1,
      error: { code: `http_${status}`, status },
    });
    expect(run.steps[0]!.error!.message).toContain('redirects are not followed');
    expect(handlers.paths()).toEqual(['/from']);
    expect(await client.attempts(run.id, 'a')).toHaveLength(1);
  },
);

test('an answer without end is cut at the cap: a permanent failure with a code', async () => {
  let written = 0;
  const url = await hostile((_request, response) => {
    const chunk = Buffer.alloc(65_536, 'x');
    const write = () => {
      while (!response.destroyed && response.write(chunk)) written += chunk.length;
    };
    response.writeHead(200, { 'content-type': 'application/json' }).on('drain', write);
    write();
  });
  const run = await runStep(url);
  expect(run.steps[0]).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'response_too_large' } });
  expect(written).toBeLessThan(64 * 1024 * 1024);
});

test('a result above its limit is a permanent failure that names the limit', async () => {
  platform.now.handlers.on('/large', { body: { result: 'x'.repeat(2 ** 20) } });
  const run = await runStep('/large');
  expect(run.steps[0]).toMatchObject({ state: 'failed', attempts: 1 });
  expect(run.steps[0]!.error!.code).toMatch(/^(result|response)_too_large$/);
  expect(run.steps[0]!.error!.message).toMatch(/1048576|resultBytesMax|bytes/);
});

test('a gzip bomb is not inflated', async () => {
  const asked: unknown[] = [];
  const url = await hostile((request, response) => {
    asked.push(request.headers['accept-encoding']);
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(100 * 1024 * 1024)));
  });
  const run = await runStep(url);
  expect(asked).toEqual(['identity']);
  // What came is taken for text: a tenth of a megabyte, not a hundred.
  expect(run.steps[0]).toMatchObject({ state: 'completed', result: expect.any(String) });
  expect((run.steps[0]!.result as string).length).toBeLessThan(200_000);
});

test('a body of one byte at a time ends at the timeout of the attempt', async () => {
  const url = await hostile((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  });
  const run = await runStep(url, { timeout: '300ms', retries: { maxAttempts: 2, initialDelay: '1ms' } });
  expect(run.steps[0]).toMatchObject({ state: 'failed', attempts: 2, error: { code: 'timeout' } });
});

test('a megabyte of headers fails the attempt', async () => {
  const url = await hostile((request) => {
    request.socket.write(`HTTP/1.1 200 OK\r\nx-a: ${'x'.repeat(2 ** 20)}\r\n\r\n`);
  });
  const run = await runStep(url, { timeout: '5s', retries: { maxAttempts: 1 } });
  expect(run.steps[0]).toMatchObject({ state: 'failed', attempts: 1, error: { code: expect.any(String) } });
});

test('an error nested without bound, or of a megabyte, fails the step and nothing else', async () => {
  const { handlers, client } = platform.now;
  const nested = '['.repeat(200_000) + ']'.repeat(200_000);
  handlers.on('/deep', { status: 400, body: `{"error":${nested}}` });
  handlers.on('/long', { status: 400, body: { error: { message: 'x'.repeat(500_000) } } });
  for (const path of ['/deep', '/long']) {
    const run = await runStep(path);
    expect(run.steps[0]).toMatchObject({ state: 'failed', error: { code: 'http_400' } });
    expect(JSON.stringify(run).length).toBeLessThan(50_000);
  }
  expect((await client.runToEnd({ id: 'after', steps: [{ id: 'a', url: '/fine' }] })).state).toBe(
    'completed',
  );
});

test('a result nested without bound is a result', async () => {
  const nested = '['.repeat(200_000) + ']'.repeat(200_000);
  platform.now.handlers.on('/deep', { body: nested });
  const run = await platform.now.client.run({
    id: 'deep',
    steps: [
      { id: 'a', url: '/deep' },
      { id: 'b', url: '/after', dependsOn: 'a' },
    ],
  });
  expect((await platform.now.client.ended(run.id)).completedSteps).toEqual(['a', 'b']);
  expect(platform.now.handlers.requests('/after')[0]!.raw).toContain(`"result":${nested}`);
});
