import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../support/client.ts';
import { Handlers } from '../support/handlers.ts';
import { type ServeProcess, startWaybill } from '../support/serve.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'waybill-dev-'));
let handlers: Handlers;
let dev: ServeProcess;

const start = () => startWaybill(['dev', '--port', '0', '--data-dir', dataDir], {});
const printed = (name: string) => new RegExp(`${name}\\s+(\\S+)`).exec(dev.log())![1]!;

/** The process id of the database. */
const postmaster = () =>
  Number(readFileSync(join(dataDir, 'postgres/cluster/postmaster.pid'), 'utf8').split('\n')[0]);

beforeAll(async () => {
  handlers = await Handlers.start();
  dev = await start();
});

afterAll(async () => {
  await dev.stop();
  await handlers.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

test('after a kill -9 the data is intact, the key is the same, and the next start works', async () => {
  const key = printed('API key');
  const client = new ApiClient(() => dev.url, key);
  const { id } = await client.run({
    id: 'kept',
    steps: [{ id: 'a', url: `${handlers.url}/a` }],
    context: { n: 1 },
  });
  const before = await client.ended(id);
  expect(before.state).toBe('completed');
  const server = postmaster();
  await dev.kill();
  // The server outlives the process that started it: the next start must find and stop it.
  expect(() => process.kill(server, 0)).not.toThrow();
  dev = await start();
  expect(printed('API key')).toBe(key);
  expect(await client.status(id)).toEqual(before);
  const again = await client.run({ id: 'kept', steps: [{ id: 'a', url: `${handlers.url}/a` }] });
  expect((await client.ended(again.id)).state).toBe('completed');
});

test('a second dev on the same data dir is refused and says who has it', async () => {
  await expect(start()).rejects.toThrow(new RegExp(`${dev.pid}`));
});

test('a stop in order exits 0', async () => {
  expect(await dev.stop()).toBe(0);
  dev = await start();
});

test('the death of its database ends it, with a line that says so; the next start recovers', async () => {
  process.kill(postmaster(), 'SIGKILL');
  expect(await dev.ended()).toBe(1);
  expect(dev.log()).toContain('the embedded PostgreSQL ended by SIGKILL');
  dev = await start();
});
