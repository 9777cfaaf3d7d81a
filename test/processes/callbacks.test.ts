import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../support/client.ts';
import { type Ground, startGround } from '../support/ground.ts';
import type { Handlers } from '../support/handlers.ts';
import { type ServeProcess, startWaybill } from '../support/serve.ts';

/** Two `api` and two `dispatch` processes on one database. */
let apis: ServeProcess[];
let dispatchers: ServeProcess[];
let handlers: Handlers;
let client: ApiClient;
let ground: Ground;

beforeAll(async () => {
  ground = await startGround();
  handlers = ground.handlers;
  // Of the balancer in front of both; the tests go to one of them themselves.
  const env = { ...ground.env, WAYBILL_PUBLIC_URL: 'https://waybill.test' };
  const api = () => startWaybill(['api', '--port', '0', '--host', '127.0.0.1'], env);
  const dispatch = () => startWaybill(['dispatch'], env);
  const processes = await Promise.all([api(), api(), dispatch(), dispatch()]);
  apis = processes.slice(0, 2);
  dispatchers = processes.slice(2);
  client = new ApiClient(() => apis[0]!.url, ground.apiKey);
});

afterAll(async () => {
  await Promise.all([...apis, ...dispatchers].map((process) => process.stop()));
  await ground.stop();
});

const pending = { status: 202, headers: { 'waybill-callback': 'pending' } };

/** Starts a run by the first api, and waits until its step waits for a callback. */
async function startPending(id: string): Promise<{ id: string; path: string }> {
  handlers.reset();
  handlers.on('/slow', pending);
  const steps = [
    { id: 'slow', url: '/slow' },
    { id: 'after', url: '/after', dependsOn: 'slow' },
  ];
  const run = await client.run({ id, steps });
  const [request] = await handlers.waitFor('/slow');
  await client.until(run.id, ({ steps }) => steps[0]!.phase === 'callback');
  const { url } = request!.body.callback as { url: string };
  expect(url.startsWith('https://waybill.test/v1/callbacks/')).toBe(true);
  return { id: run.id, path: new URL(url).pathname };
}

/** To the other api than the one that started the run. */
async function callBack(path: string, result: string): Promise<number> {
  const response = await fetch(`${apis[1]!.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ success: true, result }),
  });
  return response.status;
}

test('a callback may reach another api than the one that started the run', async () => {
  const { id, path } = await startPending('other-api');
  expect(await callBack(path, 'from afar')).toBe(200);
  const run = await client.ended(id);
  expect([run.state, run.results.slow]).toEqual(['completed', 'from afar']);
});

test('and the dispatcher that sent the step may be dead by then', async () => {
  const { id, path } = await startPending('dead-dispatcher');
  const { body } = await client.api<{ data: { pid: number; ownedRuns: number }[] }>('GET', '/v1/dispatchers');
  const owner = body.data.find(({ ownedRuns }) => ownedRuns > 0)!;
  await dispatchers.find(({ pid }) => pid === owner.pid)!.kill();
  // 202: it is stored, and carried out once the lease of the dead one is over.
  expect([200, 202]).toContain(await callBack(path, 'to the next one'));
  const run = await client.ended(id);
  expect([run.state, run.results.slow]).toEqual(['completed', 'to the next one']);
  expect(handlers.requests('/slow')).toHaveLength(1);
  expect(handlers.requests('/after')).toHaveLength(1);
});
