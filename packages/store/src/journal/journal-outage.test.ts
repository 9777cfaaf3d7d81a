import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@waybill/embedded';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as h from '../../test/harness.ts';
import { type DatabaseProxy, startProxy } from '../../test/proxy.ts';
import { migrate } from '../migrate.ts';
import { Journal } from './journal.ts';
import { postgresLanes } from './journal-lane.ts';
import { Lane, OutcomeUnknownError } from './lane.ts';

let database: h.TestDatabase;
let proxy: DatabaseProxy;
beforeAll(async () => {
  database = await h.startDatabase();
  proxy = await startProxy(database.url);
});
afterAll(async () => {
  await proxy.close();
  await database.stop();
});

/** A journal whose flushes go through the proxy; its lease does not. */
async function openProxied() {
  const direct = await h.openJournal(database.url);
  await direct.journal.close();
  const fence = { ownerUuid: direct.uuid, confirm: async () => true, lost: () => {} };
  return { ...direct, journal: new Journal({ openLane: postgresLanes(proxy.url), fence, laneCount: 1 }) };
}

test('an answer lost after the commit: sent again, and there once', async () => {
  const { journal } = await openProxied();
  const run = h.newRef();
  await journal.append(h.creation(run));
  const row = { runUuid: run.uuid, id: h.newUuid(), command: '{}' };
  await h.postCommand(database.sql, row);
  const cut = proxy.cutAt('answer');
  const events = [h.started(1), h.started(2)];
  const child = { uuid: h.newUuid(), run: h.newRun(), event: { type: 'run.created', at: 1 } } as const;
  const posts = [{ runUuid: child.uuid, id: h.newUuid(), command: '{}' }];
  const outside = { children: [child], posts };
  const append = journal.append(h.entry(run, { events, done: true, consumed: [row.id], ...outside }));
  await cut;
  await append;
  expect(await h.seqsOf(database.sql, run.uuid)).toEqual([1, 2, 3]);
  expect(await h.seqsOf(database.sql, child.uuid)).toEqual([1]);
  expect(await database.sql`select 1 from inbox where run_id = ${child.uuid}`).toHaveLength(1);
  expect(await h.queueRow(database.sql, run.uuid)).toBeUndefined();
  await journal.close();
});

test('an answer lost after a run was parked: the others of its batch are there once, and it stays parked', async () => {
  const { journal } = await openProxied();
  const [parked, other] = [h.newRef(), h.newRef()];
  await Promise.all([parked, other].map((run) => journal.append(h.creation(run))));
  const cut = proxy.cutAt('answer');
  const queue = { bytes: 1, parkedUntilMs: Date.UTC(2100, 0, 1) };
  const appends = [{ run: parked, events: [], bytes: 0, queue }, h.entry(other)].map((each) =>
    journal.append(each),
  );
  await cut;
  expect(await h.outcomes(appends)).toEqual(['ok', 'ok']);
  expect(await h.queueRow(database.sql, parked.uuid)).toEqual({ owner: null, claims: 0 });
  expect(await h.seqsOf(database.sql, other.uuid)).toEqual([1, 2]);
  await journal.close();
});

test('a request lost before the commit: sent again, and there once', async () => {
  const { journal } = await openProxied();
  const run = h.newRef();
  await journal.append(h.creation(run));
  const cut = proxy.cutAt('request');
  const append = journal.append(h.entry(run));
  await cut;
  await append;
  expect(await h.seqsOf(database.sql, run.uuid)).toEqual([1, 2]);
  await journal.close();
});

test('a duplicate after a lost request does not pass for the commit of its whole batch', async () => {
  const { journal } = await openProxied();
  const [fresh, known, create] = [h.newRef(), h.newRef(), h.newRef()];
  await Promise.all([fresh, known].map((run) => journal.append(h.creation(run))));
  const stale = { uuid: known.uuid, seq: 0, isDiscarded: false };
  const cut = proxy.cutAt('request');
  const appends = [h.entry(fresh), h.creation(stale), h.creation(create)].map((each) => journal.append(each));
  await cut;
  expect(await h.outcomes(appends)).toEqual(['ok', 'stale_run', 'ok']);
  expect(await h.seqsOf(database.sql, fresh.uuid)).toEqual([1, 2]);
  expect(await h.seqsOf(database.sql, create.uuid)).toEqual([1]);
  await journal.close();
});

test('rows of another writer with the same keys do not pass for our own', async () => {
  const { journal } = await openProxied();
  const run = h.newRef();
  await journal.append(h.creation(run));
  const other = { ...run };
  const { journal: direct } = await h.openJournal(database.url);
  await direct.append(h.entry(other, { events: [h.started(2)] }));
  const cut = proxy.cutAt('request');
  const append = h.outcomes([journal.append(h.entry(run, { events: [h.started(1)] }))]);
  await cut;
  expect(await append).toEqual(['stale_run']);
  await Promise.all([journal.close(), direct.close()]);
});

test('a killed session: the same rows are sent again', async () => {
  const { journal } = await h.openJournal(database.url, { laneCount: 1 });
  const run = h.newRef();
  await journal.append(h.creation(run));
  const lock = await h.lockQueueRow(database.url, run.uuid);
  const append = journal.append(h.entry(run, { done: true }));
  await lock.waiter();
  await killLanes();
  await lock.release();
  await append;
  expect(await h.seqsOf(database.sql, run.uuid)).toEqual([1, 2]);
  await journal.close();
});

test('close goes on with a flush whose session is killed', async () => {
  const { journal } = await h.openJournal(database.url, { laneCount: 1 });
  const run = h.newRef();
  await journal.append(h.creation(run));
  const lock = await h.lockQueueRow(database.url, run.uuid);
  const append = h.outcomes([journal.append(h.entry(run, { done: true }))]);
  await lock.waiter();
  const closed = journal.close();
  await killLanes();
  await lock.release();
  await closed;
  expect(await append).toEqual(['ok']);
});

test('a session killed in a query leaves the outcome unknown; one killed while idle is set up anew', async () => {
  const lane = new Lane({ databaseUrl: database.url, name: 'journal x', answerTimeoutMs: 10_000 });
  const check = `select 1 / (current_setting('statement_timeout') = '10s')::int`;
  await lane.send(check);
  await expect(lane.send('select pg_terminate_backend(pg_backend_pid())')).rejects.toThrow(
    OutcomeUnknownError,
  );
  await lane.send(check);
  await killLanes();
  // The server's goodbye may arrive during the send.
  await lane.send(check).catch((error) => expect(error).toBeInstanceOf(OutcomeUnknownError));
  await lane.send(check);
  await lane.close();
});

test('no answer in time: the outcome is unknown and the connection is not used again', async () => {
  const lane = new Lane({ databaseUrl: database.url, name: 'journal x', answerTimeoutMs: 200 });
  await expect(lane.send('select pg_sleep(30)')).rejects.toThrow(OutcomeUnknownError);
  expect(lane.isOpen).toBe(false);
  await lane.send('select 1');
  await lane.close();
});

test('appends outlast a stop of the server; close does not wait for one that stays away', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'waybill-journal-'));
  const first = await startEmbeddedPostgres({ dataDir, isDurable: false });
  await migrate({ databaseUrl: first.url });
  const { journal, lease } = await h.openJournal(first.url, { closeGraceMs: 100 });
  const run = h.newRef();
  await journal.append(h.creation(run));
  await first.stop();
  const append = journal.append(h.entry(run));
  while (journal.stuckForMs() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const second = await startEmbeddedPostgres({ dataDir, isDurable: false, port: first.port });
  await append;
  expect(journal.stuckForMs()).toBe(0);
  await lease.close();
  await second.stop();
  const late = h.outcomes([journal.append(h.entry(run))]);
  await journal.close();
  expect(await late).toEqual(['journal_closed']);
  rmSync(dataDir, { recursive: true });
});

test('a server that is not suitable is waited for, and blames no run', async () => {
  const [{ name }] = await database.sql<[{ name: string }]>`select current_database() as name`;
  await database.sql.unsafe(`alter database "${name}" set standard_conforming_strings = off`);
  const { journal } = await h.openJournal(database.url);
  const run = h.newRef();
  const append = h.outcomes([journal.append(h.creation(run))]);
  while (journal.stuckForMs() === 0) {
    expect(run.isDiscarded).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await database.sql.unsafe(`alter database "${name}" reset standard_conforming_strings`);
  expect(await append).toEqual(['ok']);
  await journal.close();
});

async function killLanes(): Promise<void> {
  const killed = await database.sql`
    select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name like 'waybill journal%'`;
  expect(killed.length).toBeGreaterThan(0);
}
