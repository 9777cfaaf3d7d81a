import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { freeOrphans, listDispatchers, rescueExpired } from './leases.ts';

let database: h.TestDatabase;
beforeAll(async () => {
  database = await h.startDatabase();
});
afterAll(() => database.stop());
beforeEach(() => database.sql`truncate run_queue, dispatchers`);

async function own(owner: string, count: number): Promise<string[]> {
  const rows = await database.sql<{ run_id: string }[]>`
    insert into run_queue (run_id, project_id, ready_at, owner, bytes)
    select gen_random_uuid(), ${h.projectUuid}, now() + interval '1 hour', ${owner}, 1
      from generate_series(1, ${count}) returning run_id`;
  return rows.map((row) => row.run_id);
}

/** How many runs are free and ready, and their claims in all. */
async function freed(): Promise<{ runs: number; claims: number }> {
  const [row] = await database.sql<[{ runs: number; claims: number }]>`
    select count(*)::int as runs, coalesce(sum(claims), 0)::int as claims
      from run_queue where owner is null and ready_at <= now()`;
  return row;
}

test('a heartbeat answers the clock of the database and extends the lease, also an expired one', async () => {
  const { uuid, lease } = await h.register(database.url);
  await h.expire(database.sql, uuid);
  expect(await listDispatchers(database.sql)).toEqual([]);
  const [{ before }] = await database.sql<[{ before: number }]>`
    select (extract(epoch from clock_timestamp()) * 1000)::bigint as before`;
  const now = await lease.heartbeat();
  expect(now).toBeGreaterThanOrEqual(before);
  expect(await listDispatchers(database.sql)).toMatchObject([
    { id: uuid, host: 'test', pid: 1, ownedRuns: 0 },
  ]);
  await lease.close();
});

test('a heartbeat of a row that is gone answers null', async () => {
  const { lease } = await h.register(database.url);
  await database.sql`delete from dispatchers`;
  expect(await lease.heartbeat()).toBeNull();
  await lease.close();
});

test('release frees the runs as they are and deletes the row; an expired lease releases nothing', async () => {
  const [mine, late] = [await h.register(database.url), await h.register(database.url)];
  await own(mine.uuid, 2);
  await own(late.uuid, 1);
  await mine.lease.release();
  expect(await freed()).toEqual({ runs: 2, claims: 0 });
  await h.expire(database.sql, late.uuid);
  await expect(late.lease.release()).rejects.toMatchObject({ code: '22012' });
  expect(await freed()).toEqual({ runs: 2, claims: 0 });
  await Promise.all([mine, late].map(({ lease }) => lease.close()));
});

test('a rescue frees the runs of the expired, counts it, and leaves the living alone', async () => {
  const [dead, alive] = [await h.register(database.url), await h.register(database.url)];
  await own(dead.uuid, 3);
  await own(alive.uuid, 2);
  await h.expire(database.sql, dead.uuid);
  expect(await rescueExpired(database.sql)).toEqual([dead.uuid]);
  expect(await freed()).toEqual({ runs: 3, claims: 3 });
  expect(await listDispatchers(database.sql)).toMatchObject([{ id: alive.uuid, ownedRuns: 2 }]);
  expect(await dead.lease.heartbeat()).toBeNull();
  expect(await rescueExpired(database.sql)).toEqual([]);
  await Promise.all([dead, alive].map(({ lease }) => lease.close()));
});

test('of several rescuers one wins', async () => {
  const { uuid, lease } = await h.register(database.url);
  await own(uuid, 20);
  await h.expire(database.sql, uuid);
  const rescues = await Promise.all(Array.from({ length: 6 }, () => rescueExpired(database.sql)));
  expect(rescues.flat()).toEqual([uuid]);
  expect(await freed()).toEqual({ runs: 20, claims: 20 });
  await lease.close();
});

test('a heartbeat that meets a rescue loses; a rescue that meets a heartbeat passes over', async () => {
  const { uuid, lease } = await h.register(database.url);
  await h.expire(database.sql, uuid);
  const rescue = await h.holdTransaction(database.url, `delete from dispatchers where id = '${uuid}'`);
  const heartbeat = lease.heartbeat();
  await rescue.waiter();
  await rescue.release();
  expect(await heartbeat).toBeNull();

  const other = await h.register(database.url);
  await h.expire(database.sql, other.uuid);
  const beating = `update dispatchers set expires_at = now() + interval '15 s' where id = '${other.uuid}'`;
  const held = await h.holdTransaction(database.url, beating);
  expect(await rescueExpired(database.sql)).toEqual([]);
  await held.release();
  expect(await rescueExpired(database.sql)).toEqual([]);
  await Promise.all([lease.close(), other.lease.close()]);
});

test('a claim that commits while a rescue waits for its owner is freed with the others', async () => {
  const { uuid, lease } = await h.register(database.url);
  await own(uuid, 1);
  const run = h.newUuid();
  const claiming = `insert into run_queue values ('${run}', '${h.projectUuid}', now(), '${uuid}', 0, 1)`;
  const claim = await h.holdTransaction(database.url, claiming);
  await h.expire(database.sql, uuid);
  await claim.release();
  expect(await rescueExpired(database.sql)).toEqual([uuid]);
  expect(await freed()).toEqual({ runs: 2, claims: 2 });
  await lease.close();
});

test('runs whose owner has no row are freed, by a valid lease only', async () => {
  const me = await h.register(database.url);
  await own(me.uuid, 1);
  await own(h.newUuid(), 2);
  await h.expire(database.sql, me.uuid);
  await expect(freeOrphans(database.sql, me.uuid)).rejects.toMatchObject({ code: '22012' });
  await me.lease.heartbeat();
  expect(await freeOrphans(database.sql, me.uuid)).toBe(2);
  expect(await freed()).toEqual({ runs: 2, claims: 0 });
  expect(await freeOrphans(database.sql, me.uuid)).toBe(0);
  await me.lease.close();
});
