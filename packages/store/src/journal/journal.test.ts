import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as h from '../../test/harness.ts';
import type { FlushReport } from './journal.ts';

let database: h.TestDatabase;
beforeAll(async () => {
  database = await h.startDatabase();
});
afterAll(() => database.stop());

const open: h.OwnedJournal[] = [];
async function openJournal(options: Parameters<typeof h.openJournal>[1] = {}) {
  const owned = await h.openJournal(database.url, options);
  open.push(owned);
  return owned;
}
afterEach(async () => {
  for (const { journal, lease } of open.splice(0)) {
    await journal.close();
    await lease.close();
  }
});

describe('batches', () => {
  test('many appends of many runs are durable, with gapless seqs in order', async () => {
    const { journal } = await openJournal();
    const runs = Array.from({ length: 40 }, () => h.newRef());
    const appends = runs.flatMap((run) => [journal.append(h.creation(run))]);
    for (let round = 1; round <= 25; round++) {
      for (const run of runs) {
        appends.push(
          journal.append(h.entry(run, { events: [h.started(2 * round), h.started(2 * round + 1)] })),
        );
      }
      // Spread over many flushes: each turn of the loop may start one.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(appends);
    for (const run of runs) {
      const rows = await database.sql<{ seq: number; at: number }[]>`
        select seq, at_ms as at from run_events where run_id = ${run.uuid} order by seq`;
      const expected = Array.from({ length: 51 }, (_, index) => ({ seq: index + 1, at: index + 1 }));
      expect([...rows]).toEqual(expected);
    }
  });

  test('two flushes are on the wire at once, but never for one run', async () => {
    const { journal } = await openJournal();
    const [blocked, free] = [h.newRef(), h.newRef()];
    await Promise.all([journal.append(h.creation(blocked)), journal.append(h.creation(free))]);
    const settled: string[] = [];
    const append = (name: string, run: typeof free, fields = {}) =>
      journal.append(h.entry(run, fields)).then(() => settled.push(name));
    const lock = await h.lockQueueRow(database.url, blocked.uuid);
    const first = append('blocked 1', blocked, { done: true });
    await lock.waiter();
    const second = append('blocked 2', blocked);
    // As many as make the second lane start.
    const others = Array.from({ length: 70 }, (_, index) => append(`free ${index}`, free));
    await Promise.all(others);
    expect(settled.filter((name) => name.startsWith('blocked'))).toEqual([]);
    await lock.release();
    await Promise.all([first, second]);
    expect(await h.seqsOf(database.sql, blocked.uuid)).toEqual([1, 2, 3]);
    expect(settled.at(-1)).toBe('blocked 2');
  });

  test('a batch is bounded in bytes; an entry above the bound goes alone', async () => {
    const flushes: FlushReport[] = [];
    const { journal } = await openJournal({ batchBytesMax: 1000, onFlush: (flush) => flushes.push(flush) });
    const sizes = [400, 400, 400, 5000, 600, 100];
    await Promise.all(sizes.map((bytes) => journal.append({ ...h.creation(h.newRef()), bytes })));
    expect(flushes.every(({ bytes, entries }) => bytes <= 1000 || entries === 1)).toBe(true);
    expect(flushes.reduce((sum, { entries }) => sum + entries, 0)).toBe(sizes.length);
    expect(flushes.length).toBeLessThan(sizes.length);
    expect(journal.pendingBytes).toBe(0);
  });

  test('is full above its bound of waiting bytes', async () => {
    const { journal } = await openJournal({ pendingBytesMax: 1000 });
    const append = journal.append({ ...h.creation(h.newRef()), bytes: 2000 });
    expect(journal.isFull).toBe(true);
    await append;
    await journal.close();
    expect(journal.isFull).toBe(false);
  });
});

describe('rows', () => {
  test('a new run is written as owned with a fence, as unowned without', async () => {
    const { journal, uuid } = await openJournal();
    const api = h.unfencedJournal(database.url);
    const [owned, unowned] = [h.newRef(), h.newRef()];
    const tags = ['a', '{b}', '"\\'];
    await journal.append(h.creation(owned, { startedAtMs: 5, tags, metadata: '{"k":"v"}' }));
    await api.append(h.creation(unowned, { context: '{"n": 12345678901234567890, "n": 1}' }));
    await api.close();
    expect(await h.queueRow(database.sql, owned.uuid)).toEqual({ owner: uuid, claims: 0 });
    expect(await h.queueRow(database.sql, unowned.uuid)).toEqual({ owner: null, claims: 0 });
    expect(await h.runRow(database.sql, owned.uuid)).toMatchObject({
      state: 'running',
      startedAtMs: 5,
      tags,
    });
    expect(await h.runRow(database.sql, unowned.uuid)).toMatchObject({
      state: 'pending',
      startedAtMs: null,
      context: '{"n": 12345678901234567890, "n": 1}',
    });
  });

  test('a change updates state and times; of several in one batch the last one counts', async () => {
    const { journal } = await openJournal();
    const runs = Array.from({ length: 20 }, () => h.newRef());
    await Promise.all(runs.map((run) => journal.append(h.creation(run))));
    const started = { state: 'running', startedAtMs: 7, finishedAtMs: null };
    const cancelled = { state: 'cancelled', startedAtMs: 7, finishedAtMs: 9 };
    await Promise.all(
      runs.flatMap((run) => [
        journal.append(h.entry(run, { change: started })),
        journal.append(h.entry(run, { change: cancelled })),
      ]),
    );
    for (const run of runs) expect(await h.runRow(database.sql, run.uuid)).toMatchObject(cancelled);
  });

  test('done deletes the queue row and every inbox row of the run; consumed only what it names', async () => {
    const { journal } = await openJournal();
    const [ended, going] = [h.newRef(), h.newRef()];
    await Promise.all([journal.append(h.creation(ended)), journal.append(h.creation(going))]);
    const posted = [ended, ended, going, going].map((run) => ({
      runUuid: run.uuid,
      id: h.newUuid(),
      command: '{}',
    }));
    for (const row of posted) await h.postCommand(database.sql, row);
    await Promise.all([
      journal.append(h.entry(ended, { done: true, consumed: [posted[0]!.id] })),
      journal.append(h.entry(going, { consumed: [posted[2]!.id] })),
    ]);
    expect(await h.queueRow(database.sql, ended.uuid)).toBeUndefined();
    expect(await h.queueRow(database.sql, going.uuid)).toBeDefined();
    const left = await database.sql<{ id: string }[]>`
      select id from inbox where run_id in (${ended.uuid}, ${going.uuid})`;
    expect(left.map((row) => row.id)).toEqual([posted[3]!.id]);
  });
});

describe('the queue row', () => {
  const later = Date.UTC(2100, 0, 1);
  async function row(uuid: string) {
    const [found] = await database.sql<{ owner: string | null; claims: number; bytes: number; at: Date }[]>`
      select owner, claims, bytes, ready_at as at from run_queue where run_id = ${uuid}`;
    return found!;
  }

  test('takes the size that is known when the run is written', async () => {
    const { journal } = await openJournal();
    const [sized, unsized] = [h.newRef(), h.newRef()];
    await journal.append(h.creation(sized, { stateBytes: 4321 }));
    await journal.append(h.creation(unsized));
    expect([(await row(sized.uuid)).bytes, (await row(unsized.uuid)).bytes]).toEqual([4321, 100]);
  });

  test('of a run that goes on keeps its owner and its time, and forgets rescues and suspicion', async () => {
    const { journal, uuid } = await openJournal();
    const [run, other] = [h.newRef(), h.newRef()];
    await Promise.all([run, other].map((each) => journal.append(h.creation(each))));
    await database.sql`update run_queue set claims = 2 where run_id in (${run.uuid}, ${other.uuid})`;
    await database.sql`update dispatchers set suspect_run_id = ${run.uuid} where id = ${uuid}`;
    const before = await row(run.uuid);
    await journal.append(h.entry(run, { queue: { bytes: 5000, parkedUntilMs: null } }));
    expect(await row(run.uuid)).toEqual({ ...before, claims: 0, bytes: 5000 });
    expect((await row(other.uuid)).claims).toBe(2);
    const [me] = await database.sql`select suspect_run_id as suspect from dispatchers where id = ${uuid}`;
    expect(me).toEqual({ suspect: null });
  });

  test('of a run that was parked and claimed again is left alone by the parking that comes once more, late', async () => {
    const { journal, uuid } = await openJournal();
    const run = h.newRef();
    await journal.append(h.creation(run));
    const park = (parkedUntilMs: number) =>
      journal.append({ run: h.newRef(run.uuid), events: [], bytes: 0, queue: { bytes: 1, parkedUntilMs } });
    const untilMs = Date.UTC(2100, 0, 1, 0, 0, 0, 123);
    await park(untilMs);
    await database.sql`update run_queue set owner = ${uuid} where run_id = ${run.uuid}`;
    await park(untilMs);
    expect(await h.queueRow(database.sql, run.uuid)).toEqual({ owner: uuid, claims: 0 });
    await park(untilMs - 1);
    expect(await h.queueRow(database.sql, run.uuid)).toEqual({ owner: null, claims: 0 });
  });

  test('of a run that is parked has no owner until its time; other rows of the batch commit with it', async () => {
    const { journal } = await openJournal();
    const [parked, other] = [h.newRef(), h.newRef()];
    await Promise.all([parked, other].map((run) => journal.append(h.creation(run))));
    const queue = { bytes: 10, parkedUntilMs: later };
    await Promise.all([
      journal.append({ run: parked, events: [], bytes: 0, queue }),
      journal.append(h.entry(other)),
    ]);
    expect(await row(parked.uuid)).toEqual({ owner: null, claims: 0, bytes: 10, at: new Date(later) });
    expect(await h.seqsOf(database.sql, parked.uuid)).toEqual([1]);
    expect(await h.seqsOf(database.sql, other.uuid)).toEqual([1, 2]);
  });

  test('that somebody else owns by now is left alone', async () => {
    const { journal } = await openJournal();
    const run = h.newRef();
    const heir = h.newUuid();
    await journal.append(h.creation(run));
    await database.sql`update run_queue set owner = ${heir} where run_id = ${run.uuid}`;
    const queue = { bytes: 10, parkedUntilMs: later };
    await journal.append({ run, events: [], bytes: 0, queue });
    expect((await row(run.uuid)).owner).toBe(heir);
  });
});

describe('a row that the database refuses', () => {
  const bad = {
    'NUL in a text': h.entry(h.newRef(), { events: [{ ...h.started(1), step: 'a\0b' } as never] }),
    'NUL in a tag': h.creation(h.newRef(), { tags: ['a\0b'] }),
    'an integer out of range': h.creation(h.newRef(), { version: 2 ** 40 }),
    'a time that is no integer': h.entry(h.newRef(), { events: [{ type: 'run.started', at: 0.5 }] }),
    'no partition for the id': h.creation(h.newRef(h.newUuid(400))),
    'a missing type': h.entry(h.newRef(), { events: [{ at: 1 } as never] }),
  };
  test.each(Object.entries(bad))('%s fails its own run only', async (_, refused) => {
    const { journal } = await openJournal();
    const good = Array.from({ length: 9 }, () => h.newRef());
    const appends = good.map((run) => journal.append(h.creation(run)));
    appends.splice(4, 0, journal.append(refused));
    const later = journal.append(h.entry(refused.run));
    expect(await h.outcomes([...appends, later])).toEqual([
      ...['ok', 'ok', 'ok', 'ok', 'run_refused', 'ok', 'ok', 'ok', 'ok', 'ok'],
      'run_refused',
    ]);
    for (const run of good) expect(await h.seqsOf(database.sql, run.uuid)).toEqual([1]);
    expect(await h.seqsOf(database.sql, refused.run.uuid)).toEqual([]);
    expect(await h.outcomes([journal.append(h.entry(refused.run))])).toEqual(['stale_run']);
  });

  test('an entry that waits behind it fails as stale, and close still ends', async () => {
    const { journal } = await openJournal();
    const run = h.newRef(h.newUuid(400));
    const first = h.outcomes([journal.append(h.creation(run))]);
    // The flush is on its way when the next turn of the loop has run.
    await new Promise((resolve) => setImmediate(resolve));
    const second = h.outcomes([journal.append(h.entry(run))]);
    await journal.close();
    expect([await first, await second]).toEqual([['run_refused'], ['stale_run']]);
  });

  test('a second driver of the same run is stale; the first one and other runs go on', async () => {
    const { journal } = await openJournal();
    const run = h.newRef();
    await journal.append(h.creation(run));
    await journal.append(h.entry(run));
    const stale = { uuid: run.uuid, seq: 1, isDiscarded: false };
    const other = h.newRef();
    expect(await h.outcomes([journal.append(h.entry(stale)), journal.append(h.creation(other))])).toEqual([
      'stale_run',
      'ok',
    ]);
    expect(await h.outcomes([journal.append(h.entry(run))])).toEqual(['ok']);
    expect(await h.seqsOf(database.sql, run.uuid)).toEqual([1, 2, 3]);
    const again = { ...h.newRef(run.uuid) };
    expect(await h.outcomes([journal.append(h.creation(again))])).toEqual(['stale_run']);
  });
});

describe('the end', () => {
  test('close waits for what was appended and refuses more', async () => {
    const { journal } = await openJournal();
    const runs = Array.from({ length: 50 }, () => h.newRef());
    const appends = runs.map((run) => journal.append(h.creation(run)));
    await journal.close();
    expect(new Set(await h.outcomes(appends))).toEqual(new Set(['ok']));
    expect(await h.outcomes([journal.append(h.creation(h.newRef()))])).toEqual(['journal_closed']);
  });

  test('abandon rejects what waits; what is on the wire settles by itself', async () => {
    const { journal } = await openJournal({ laneCount: 1 });
    const run = h.newRef();
    await journal.append(h.creation(run));
    const lock = await h.lockQueueRow(database.url, run.uuid);
    const onTheWire = journal.append(h.entry(run, { done: true }));
    await lock.waiter();
    const waiting = journal.append(h.entry(h.newRef()));
    journal.abandon(new h.StoreError('lease_lost', 'test'));
    expect(await h.outcomes([waiting, journal.append(h.entry(h.newRef()))])).toEqual([
      'lease_lost',
      'lease_lost',
    ]);
    await lock.release();
    expect(await h.outcomes([onTheWire])).toEqual(['ok']);
  });
});
