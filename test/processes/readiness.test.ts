/** Health of each role is red while the journal is stuck, says so, and is green again by itself. */
import { afterEach, expect, test } from 'vitest';
import { ApiClient } from '../support/client.ts';
import { connectDatabase } from '../support/database.ts';
import { type Ground, startGround } from '../support/ground.ts';
import { gate } from '../support/handlers.ts';
import { type ServeProcess, startServe, startWaybill } from '../support/serve.ts';

let ground: Ground;
const processes: ServeProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.stop()));
  await ground.stop();
});

async function ready(url: string): Promise<string> {
  const answer = await fetch(`${url}/readyz`);
  const { problems } = (await answer.json()) as { problems: readonly string[] };
  return `${answer.status} ${problems.join('; ')}`;
}

/** Nothing can be written to the journal until it is let go; everything can be read that is elsewhere. */
async function lockJournal(): Promise<{ release(): Promise<void> }> {
  const sql = connectDatabase(ground.env.DATABASE_URL!);
  const session = await sql.reserve();
  await session.unsafe('begin; lock table run_events in access exclusive mode');
  return {
    async release() {
      await session.unsafe('rollback');
      session.release();
      await sql.end();
    },
  };
}

/** A run whose answer comes while the journal is locked, and a start meanwhile. */
async function redAndGreenAgain(apiUrl: string, urls: readonly string[]): Promise<void> {
  const client = new ApiClient(() => apiUrl, ground.apiKey);
  const held = gate();
  ground.handlers.on('/held', async () => {
    await held.opened;
    return {};
  });
  const definition = { id: 'held', steps: [{ id: 'a', url: '/held' }] };
  const run = await client.run(definition);
  await ground.handlers.waitFor('/held');
  for (const url of urls) expect(await ready(url)).toBe('200 ');

  const lock = await lockJournal();
  held.open();
  const start = client.api('POST', '/v1/workflows', definition);
  const slowly = { interval: 100 };
  for (const url of urls) await expect.poll(() => ready(url), slowly).toMatch(/^503 .*journal/);
  await lock.release();
  await start;
  for (const url of urls) await expect.poll(() => ready(url), slowly).toBe('200 ');
  expect((await client.ended(run.id)).state).toBe('completed');
}

test('of an api and of a dispatcher', async () => {
  ground = await startGround();
  const [api, dispatch] = await Promise.all([
    startWaybill(['api', '--port', '0', '--host', '127.0.0.1'], ground.env),
    startWaybill(['dispatch', '--metrics-port', '0'], ground.env),
  ]);
  processes.push(api, dispatch);
  const [aside] = /http:\S+(?=\/metrics)/.exec(dispatch.log())!;
  await redAndGreenAgain(api.url, [api.url, aside]);
});

test('of both in one process', async () => {
  ground = await startGround();
  const serve = await startServe(ground.env);
  processes.push(serve);
  await redAndGreenAgain(serve.url, [serve.url]);
});
