import { hashApiKey } from '@waybill/signing';
import { expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';
import type { Scope } from './deps.ts';

const api = useApi();

/** Every documented operation that needs a key, with its path filled in for the workflow `order` and one of its runs. */
function operations(runId: string): string[] {
  const values: Record<string, string> = {
    key: 'order',
    version: '1',
    id: runId,
    stepId: 'a',
    kind: 'onError',
    scheduleId: 'nightly',
  };
  return Object.entries(api.now.document.paths).flatMap(([path, methods]) =>
    keyed(methods).map((method) => {
      const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => values[name]!);
      return `${method.toUpperCase()} ${filled}`;
    }),
  );
}

/** A callback's right is its token: the document says that it takes no key. */
function keyed(methods: object): string[] {
  const operations = Object.entries(methods) as [string, { security?: unknown[] }][];
  return operations.filter(([, { security }]) => security?.length !== 0).map(([method]) => method);
}

function bodyOf(line: string): { body?: object } {
  if (line.startsWith('GET')) return {};
  return { body: line.endsWith('/batch') ? { runs: [{}] } : {} };
}

test('without a key nothing below /v1 answers', async () => {
  const lines = [...operations(await api.now.start()), 'GET /v1/nothing', 'DELETE /v1/runs', 'GET /v1/'];
  for (const line of lines) {
    const { status, headers, body } = await api.now.call(line, { key: null, ...bodyOf(line) });
    expect([line, status, body.code]).toEqual([line, 401, 'unauthorized']);
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect(headers.get('content-type')).toBe('application/problem+json');
  }
});

test.each([
  'Bearer',
  'Bearer ',
  'Bearer wb_',
  'Bearer sk_live_1234567890',
  'Basic d2I6d2I=',
  'wb_unknown',
  `Bearer wb_${'x'.repeat(501)}`,
  'Bearer wb_unknown',
  "Bearer wb_' or 1=1 --",
])('the authorization %j is refused', async (authorization) => {
  const { status, body } = await api.now.call('GET /v1/runs', { key: null, headers: { authorization } });
  expect([status, body.code]).toEqual([401, 'unauthorized']);
  if (authorization.length > 10) expect(body.detail).not.toContain(authorization.slice(7));
});

test('the scheme is taken in any case', async () => {
  const headers = { authorization: `bEARER ${api.now.admin}` };
  expect((await api.now.call('GET /v1/runs', { key: null, headers })).status).toBe(200);
});

test('a revoked key is refused at most a second later', async () => {
  const key = await api.now.newKey(['admin']);
  expect((await api.now.call('GET /v1/runs', { key })).status).toBe(200);
  await api.now.database`update api_keys set revoked_at = now() where hash = ${hashApiKey(key)}`;
  const revokedAt = performance.now();
  for (;;) {
    const askedAt = performance.now();
    const { status } = await api.now.call('GET /v1/runs', { key });
    if (status === 401) break;
    expect(askedAt - revokedAt).toBeLessThanOrEqual(1000);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});

test('a key without scopes may do nothing', async () => {
  const key = await api.now.newKey([]);
  for (const line of operations(await api.now.start())) {
    const { status, body } = await api.now.call(line, { key, ...bodyOf(line) });
    expect([line, status, body.code]).toEqual([line, 403, 'forbidden']);
  }
});

test('each scope opens its own operations and no other', async () => {
  const id = await api.now.start();
  const open: Record<Exclude<Scope, 'admin'>, (line: string) => boolean> = {
    'runs:read': (line) => line.startsWith('GET') && !line.includes('dispatchers'),
    'runs:write': (line) =>
      /^GET .*\/(workflows|schedules)|\/order\/runs(\/batch)?$|^POST \/v1\/runs\/|trigger$/.test(line),
    'workflows:write': (line) =>
      /^GET .*\/(workflows|schedules)|^PUT .*\/workflows|validate$|schedules\/nightly\/pause$|^DELETE/.test(
        line,
      ),
  };
  for (const [scope, isOpen] of Object.entries(open)) {
    const key = await api.now.newKey([scope as Scope]);
    const cancelled = await api.now.start();
    await api.now.complete(cancelled);
    for (const line of operations(id)) {
      const aimed = line.endsWith('cancel') ? line.replace(id, cancelled) : line;
      const { status } = await api.now.call(aimed, { key, ...bodyOf(line) });
      expect([scope, line, status !== 403]).toEqual([scope, line, isOpen(line)]);
    }
  }
});

test("another project's workflows, runs and schedules are missing on every route and method", async () => {
  const id = await api.now.start({ id: 'private' });
  const schedule = { body: { id: 'nightly', workflow: 'private', every: '1d' } };
  expect((await api.now.call('POST /v1/schedules', schedule)).status).toBe(201);
  const missing = 'run_01h455vb4pex5vsknk084sn02q';
  const strip = (text: string) => text.replaceAll(/req_\w+/g, '').replaceAll(id, missing);
  for (const line of operations(id)) {
    if (!/order|run_|nightly/.test(line) || line.startsWith('PUT')) continue;
    const aimed = line.replace('order', 'private');
    const call = { key: api.now.stranger, ...bodyOf(line) };
    const { status, text } = await api.now.call(aimed, call);
    expect([aimed, status]).toEqual([aimed, 404]);
    expect(strip(text)).toBe(strip((await api.now.call(aimed.replace(id, missing), call)).text));
  }
  expect((await api.now.call('GET /v1/runs/private', { key: api.now.stranger })).status).toBe(404);
  for (const line of ['GET /v1/runs', 'GET /v1/workflows', 'GET /v1/schedules']) {
    expect((await api.now.call(line, { key: api.now.stranger })).body).toEqual({
      data: [],
      nextCursor: null,
    });
  }
});

test('projects do not see each other through keys they share', async () => {
  const own = await api.now.start({ id: 'shared', context: { mine: true } }, { 'idempotency-key': 'same' });
  const url = 'http://other.test/a';
  const { status, body } = await api.now.call('POST /v1/workflows', {
    key: api.now.stranger,
    headers: { 'idempotency-key': 'same' },
    body: { id: 'shared', steps: [{ id: 'a', url }], context: {} },
  });
  expect([status, body.version]).toEqual([201, 1]);
  expect(body.id).not.toBe(own);
  expect((await api.now.call('GET /v1/runs/shared')).body.context).toEqual({ mine: true });
});
