import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { gate, Handlers } from './handlers.ts';

let handlers: Handlers;
beforeAll(async () => {
  handlers = await Handlers.start();
});
beforeEach(() => handlers.reset());
afterAll(() => handlers.stop());

function post(path: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${handlers.url}${path}`, { method: 'POST', body: '{"n": 1}', ...(signal ? { signal } : {}) });
}

test('a path answers as programmed, one answer after the other, the last one for good', async () => {
  handlers.on('/a', { status: 500 }, () => ({ status: 201, headers: { 'x-a': 'b' }, body: [1] }));
  const statuses = [await post('/a'), await post('/a'), await post('/a')];
  expect(statuses.map(({ status }) => status)).toEqual([500, 201, 201]);
  expect(statuses[1]?.headers.get('x-a')).toBe('b');
  expect(await statuses[2]?.json()).toEqual([1]);
  expect(await (await post('/unprogrammed')).json()).toEqual({ ok: true });
});

test('requests are recorded with their exact body and times', async () => {
  await post('/a');
  const [seen] = handlers.requests('/a');
  expect(seen).toMatchObject({
    path: '/a',
    method: 'POST',
    raw: '{"n": 1}',
    body: { n: 1 },
    isAborted: false,
  });
  expect(seen!.answeredAt).toBeGreaterThanOrEqual(seen!.receivedAt);
  expect(Math.abs(seen!.receivedEpochMs - Date.now())).toBeLessThan(5000);
});

test('a handler may be held until the test has seen enough; a caller that leaves is recorded', async () => {
  const held = gate();
  handlers.on('/a', async () => {
    await held.opened;
    return {};
  });
  const leaving = new AbortController();
  const refused = expect(post('/a', leaving.signal)).rejects.toThrow();
  const [seen] = await handlers.waitFor('/a');
  expect(seen?.answeredAt).toBeNull();
  leaving.abort();
  await refused;
  await expect.poll(() => seen?.isAborted).toBe(true);
  held.open();
});
