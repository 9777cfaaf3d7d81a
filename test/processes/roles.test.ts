import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../support/client.ts';
import { type Ground, startGround } from '../support/ground.ts';
import { gate, type Handlers } from '../support/handlers.ts';
import { type ServeProcess, startWaybill } from '../support/serve.ts';

/** One `api` and two `dispatch` processes on one database, as on several machines. */
let api: ServeProcess;
let dispatchers: ServeProcess[];
let handlers: Handlers;
let client: ApiClient;
let ground: Ground;

interface DispatcherView {
  readonly pid: number;
  readonly ownedRuns: number;
}

beforeAll(async () => {
  ground = await startGround();
  handlers = ground.handlers;
  const { env } = ground;
  // Together: migrations and bootstrap must stand that.
  [api, ...dispatchers] = await Promise.all([
    startWaybill(['api', '--port', '0', '--host', '127.0.0.1'], env),
    startWaybill(['dispatch', '--runs-max', '30'], env),
    startWaybill(['dispatch', '--runs-max', '30'], env),
  ]);
  client = new ApiClient(() => api.url, ground.apiKey);
});

afterAll(async () => {
  await Promise.all([api, ...dispatchers].map((process) => process.stop()));
  await ground.stop();
});

async function owned(): Promise<DispatcherView[]> {
  const { body } = await client.api<{ data: DispatcherView[] }>('GET', '/v1/dispatchers');
  return body.data;
}

test('two dispatchers share the runs that one api starts, and each step is sent once', async () => {
  const held = gate();
  handlers.on('/held', async () => {
    await held.opened;
    return { body: { success: true, result: 1 } };
  });
  const definition = {
    id: 'shared',
    steps: [
      { id: 'held', url: '/held' },
      { id: 'after', url: '/after', dependsOn: ['held'] },
    ],
  };
  const count = 50;
  const runs = await Promise.all(Array.from({ length: count }, () => client.run(definition)));
  // More than one of them may hold: 50 runs at 30 each need both.
  await handlers.waitFor('/held', count);
  const views = await owned();
  expect(views.map((view) => view.pid).sort()).toEqual(dispatchers.map(({ pid }) => pid).sort());
  expect(views.every((view) => view.ownedRuns > 0)).toBe(true);
  expect(views.reduce((sum, view) => sum + view.ownedRuns, 0)).toBe(count);
  held.open();
  const ended = await Promise.all(runs.map(({ id }) => client.ended(id)));
  expect(new Set(ended.map(({ state }) => state))).toEqual(new Set(['completed']));
  for (const path of ['/held', '/after']) {
    const ids = handlers.requests(path).map((request) => request.headers['webhook-id']);
    expect(ids).toHaveLength(count);
    expect(new Set(ids).size).toBe(count);
  }
});

test('a cancel reaches the run whichever dispatcher drives it', async () => {
  handlers.reset();
  const held = gate();
  handlers.on('/stuck', async () => {
    await held.opened;
    return {};
  });
  const { id } = await client.run({ id: 'cancelled', steps: [{ id: 'stuck', url: '/stuck' }] });
  await handlers.waitFor('/stuck');
  const { status, body } = await client.api<{ state: string }>('POST', `/v1/runs/${id}/cancel`, {});
  expect([status, body.state]).toEqual([200, 'cancelled']);
  const again = await client.api<{ code: string }>('POST', `/v1/runs/${id}/cancel`, {});
  expect([again.status, again.body.code]).toEqual([409, 'run_ended']);
  held.open();
});

test('a dispatcher that is asked to stop finishes its exchange, exits 0, and another goes on', async () => {
  handlers.reset();
  const held = gate();
  handlers.on('/slow', async () => {
    await held.opened;
    return { body: { success: true, result: 'kept' } };
  });
  const { id } = await client.run({
    id: 'drained',
    steps: [
      { id: 'slow', url: '/slow' },
      { id: 'next', url: '/next', dependsOn: ['slow'] },
    ],
  });
  await handlers.waitFor('/slow');
  const owner = (await owned()).find((view) => view.ownedRuns > 0)!;
  const stopping = dispatchers.find(({ pid }) => pid === owner.pid)!;
  const exit = stopping.stop();
  held.open();
  expect(await exit).toBe(0);
  dispatchers = dispatchers.filter((process) => process !== stopping);
  const run = await client.ended(id);
  expect(run.state).toBe('completed');
  expect(run.results).toMatchObject({ slow: 'kept' });
  expect(handlers.requests('/slow')).toHaveLength(1);
  expect((await owned()).map((view) => view.pid)).toEqual(dispatchers.map(({ pid }) => pid));
});
