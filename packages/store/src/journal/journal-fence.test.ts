import { afterAll, beforeAll, expect, test } from 'vitest';
import * as h from '../../test/harness.ts';

let database: h.TestDatabase;
beforeAll(async () => {
  database = await h.startDatabase();
});
afterAll(() => database.stop());

test('an expired lease whose row is there: confirmed once, and the batch is sent again', async () => {
  const { journal, lease, uuid, confirms, losses } = await h.openJournal(database.url);
  await h.expire(database.sql, uuid);
  const runs = [h.newRef(), h.newRef()];
  expect(await h.outcomes(runs.map((run) => journal.append(h.creation(run))))).toEqual(['ok', 'ok']);
  expect([confirms, losses]).toEqual([[true], []]);
  for (const run of runs) expect(await h.seqsOf(database.sql, run.uuid)).toEqual([1]);
  await journal.close();
  await lease.close();
});

test('a lease whose row is gone: nothing is written, all fail, and the loss is told once', async () => {
  const { journal, lease, uuid, confirms, losses } = await h.openJournal(database.url);
  const run = h.newRef();
  await journal.append(h.creation(run));
  await database.sql`delete from dispatchers where id = ${uuid}`;
  const appends = [h.entry(run), h.creation(h.newRef())].map((each) => journal.append(each));
  expect(await h.outcomes(appends)).toEqual(['lease_lost', 'lease_lost']);
  expect([confirms, losses.length]).toEqual([[false], 1]);
  expect(await h.outcomes([journal.append(h.entry(run))])).toEqual(['stale_run']);
  expect(await h.seqsOf(database.sql, run.uuid)).toEqual([1]);
  await journal.close();
  await lease.close();
});

test('a flush that holds the fence keeps the rescuer away until it ends', async () => {
  const { journal, lease, uuid } = await h.openJournal(database.url);
  const run = h.newRef();
  await journal.append(h.creation(run));
  const lock = await h.lockQueueRow(database.url, run.uuid);
  const append = journal.append(h.entry(run, { done: true }));
  await lock.waiter();
  await database.sql`update dispatchers set expires_at = now() - interval '1 minute' where id = ${uuid}`;
  expect(await h.rescueExpired(database.sql)).toEqual([]);
  await lock.release();
  await append;
  expect(await h.rescueExpired(database.sql)).toEqual([uuid]);
  await journal.close();
  await lease.close();
});
