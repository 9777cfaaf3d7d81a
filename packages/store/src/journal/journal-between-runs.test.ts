import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as h from '../../test/harness.ts';
import { type InboxRow, readInbox } from '../inbox.ts';
import type { NewChild } from './entry.ts';

let database: h.TestDatabase;
let owned: h.OwnedJournal;
let other: h.OwnedJournal;
beforeAll(async () => {
  database = await h.startDatabase();
  owned = await h.openJournal(database.url);
  other = await h.openJournal(database.url);
});
afterAll(async () => {
  for (const { journal, lease } of [owned, other]) {
    await journal.close();
    await lease.close();
  }
  await database.stop();
});

async function newRun({ journal }: h.OwnedJournal, uuid = h.newUuid()) {
  const run = h.newRef(uuid);
  await journal.append(h.creation(run));
  return run;
}

function child(uuid: string, context = '{}'): NewChild {
  return { uuid, run: h.newRun({ context }), event: { type: 'run.created', at: 1 } };
}

const post = (runUuid: string): InboxRow => ({ runUuid, id: h.newUuid(), command: '{"type":"cancel"}' });

async function inboxOf(runUuid: string): Promise<string[]> {
  const rows = await database.sql<
    { id: string }[]
  >`select id from inbox where run_id = ${runUuid} order by id`;
  return rows.map((row) => row.id);
}

test('a new run may come with a history of its own', async () => {
  const run = h.newRef();
  const events = [{ type: 'run.created', at: 1 }, h.started(2), h.started(3)] as const;
  await owned.journal.append(h.entry(run, { events, create: h.newRun() }));
  await owned.journal.append(h.entry(run));
  expect(await h.seqsOf(database.sql, run.uuid)).toEqual([1, 2, 3, 4]);
});

test('what is written for others is told when it is durable, and nothing else is', async () => {
  const told: string[] = [];
  const onOutsideWork = () => void told.push('work');
  const { journal, lease } = await h.openJournal(database.url, { onOutsideWork });
  const run = h.newRef();
  await journal.append(h.creation(run));
  expect(told).toEqual([]);
  await journal.append(h.entry(run, { children: [child(h.newUuid())] }));
  expect(told).toEqual(['work']);
  await journal.append(h.entry(run, { posts: [post(run.uuid)] }));
  expect(told).toEqual(['work', 'work']);
  await journal.close();
  await lease.close();
});

describe('children', () => {
  test('are written with the entry that starts them: unowned, ready, with their first event', async () => {
    const parent = await newRun(owned);
    const children = [child(h.newUuid(), '{"n": 1}'), child(h.newUuid())];
    await owned.journal.append(h.entry(parent, { children }));
    for (const { uuid, run } of children) {
      expect(await h.queueRow(database.sql, uuid)).toEqual({ owner: null, claims: 0 });
      expect(await h.seqsOf(database.sql, uuid)).toEqual([1]);
      expect(await h.runRow(database.sql, uuid)).toMatchObject({
        state: 'pending',
        startedAtMs: null,
        context: run.context,
      });
    }
    expect(await h.queueRow(database.sql, parent.uuid)).toEqual({ owner: owned.uuid, claims: 0 });
  });

  test('that are there already stay as they are, also those that somebody drives', async () => {
    const [first, second] = [await newRun(owned), await newRun(owned)];
    const driven = await newRun(other);
    await other.journal.append(h.entry(driven));
    const again = child(driven.uuid, '{"another": true}');
    await Promise.all([
      owned.journal.append(h.entry(first, { children: [again, child(h.newUuid())] })),
      owned.journal.append(h.entry(second, { children: [again] })),
    ]);
    expect(await h.queueRow(database.sql, driven.uuid)).toEqual({ owner: other.uuid, claims: 0 });
    expect(await h.seqsOf(database.sql, driven.uuid)).toEqual([1, 2]);
    expect(await h.runRow(database.sql, driven.uuid)).toMatchObject({ context: '{}' });
  });

  test('that the database refuses fail the run that starts them, and no other', async () => {
    const [bad, good] = [await newRun(owned), await newRun(owned)];
    const kept = child(h.newUuid());
    const appends = [
      owned.journal.append(h.entry(bad, { children: [child(h.newUuid()), child(h.newUuid(400))] })),
      owned.journal.append(h.entry(good, { children: [kept] })),
    ];
    expect(await h.outcomes(appends)).toEqual(['run_refused', 'ok']);
    expect(await h.seqsOf(database.sql, kept.uuid)).toEqual([1]);
  });

  test('do not hide that their parent is driven by somebody else by now', async () => {
    const parent = await newRun(owned);
    const stale = h.newRef(parent.uuid);
    const orphan = child(h.newUuid());
    const appends = [owned.journal.append(h.entry(stale, { children: [orphan] }))];
    expect(await h.outcomes(appends)).toEqual(['stale_run']);
    expect(await h.runRow(database.sql, orphan.uuid)).toBeUndefined();
  });
});

describe('posts', () => {
  test('reach the inbox of runs that go on, whoever owns them', async () => {
    const [sender, mine, theirs] = [await newRun(owned), await newRun(owned), await newRun(other)];
    const started = child(h.newUuid());
    const posts = [post(mine.uuid), post(theirs.uuid), post(theirs.uuid), post(started.uuid)];
    await owned.journal.append(h.entry(sender, { posts, children: [started] }));
    expect(await inboxOf(mine.uuid)).toEqual([posts[0]!.id]);
    expect(await inboxOf(theirs.uuid)).toEqual([posts[1]!.id, posts[2]!.id].sort());
    expect(await inboxOf(started.uuid)).toEqual([posts[3]!.id]);
    const read = await readInbox(database.sql, other.uuid, 100);
    expect(read.map((row) => row.id).sort()).toEqual(await inboxOf(theirs.uuid));
  });

  test('to a run without a queue row, or to one that ends in the same batch, leave nothing', async () => {
    const [sender, done, ending] = [await newRun(owned), await newRun(owned), await newRun(owned)];
    await owned.journal.append(h.entry(done, { done: true }));
    await Promise.all([
      owned.journal.append(
        h.entry(sender, { posts: [post(done.uuid), post(ending.uuid), post(h.newUuid())] }),
      ),
      owned.journal.append(h.entry(ending, { done: true, posts: [post(ending.uuid)] })),
    ]);
    expect(await h.queueRow(database.sql, ending.uuid)).toBeUndefined();
    expect([await inboxOf(done.uuid), await inboxOf(ending.uuid)]).toEqual([[], []]);
  });

  test('with an id that is there already change nothing', async () => {
    const [sender, target] = [await newRun(owned), await newRun(owned)];
    const first = post(target.uuid);
    await owned.journal.append(h.entry(sender, { posts: [first] }));
    await owned.journal.append(h.entry(sender, { posts: [{ ...first, command: '{}' }] }));
    const rows = await database.sql`select command from inbox where run_id = ${target.uuid}`;
    expect([...rows]).toEqual([{ command: first.command }]);
  });

  test('the end of the run that they go to waits for them and takes them along', async () => {
    const [sender, target] = [await newRun(owned), await newRun(other)];
    const api = await h.holdTransaction(
      database.url,
      `select from run_queue where run_id = '${target.uuid}' for key share`,
    );
    const ended = other.journal.append(h.entry(target, { done: true }));
    await api.waiter();
    await owned.journal.append(h.entry(sender, { posts: [post(target.uuid)] }));
    expect(await inboxOf(target.uuid)).toHaveLength(1);
    await api.release();
    await ended;
    expect(await h.queueRow(database.sql, target.uuid)).toBeUndefined();
    expect(await inboxOf(target.uuid)).toEqual([]);
  });

  test.each([
    ['ends the later run and posts to the earlier', 'earlier'],
    ['ends the earlier run and posts to the later', 'later'],
  ])('a flush that %s locks the earlier first', async (_, target) => {
    const [first, second] = [h.newUuid(), h.newUuid()].sort();
    const [earlier, later] = [await newRun(owned, first), await newRun(owned, second)];
    const [sender, receiver] = target === 'earlier' ? [later, earlier] : [earlier, later];
    const hold = await h.lockQueueRow(database.url, earlier.uuid);
    const ended = owned.journal.append(h.entry(sender, { done: true, posts: [post(receiver.uuid)] }));
    await hold.waiter();
    // Nobody has the later one: whoever holds the earlier may take it and go on.
    await database.sql`select from run_queue where run_id = ${later.uuid} for update nowait`;
    await hold.release();
    await ended;
    expect(await h.queueRow(database.sql, sender.uuid)).toBeUndefined();
    expect(await inboxOf(receiver.uuid)).toHaveLength(1);
  });

  test('many ends that post to each other: all commit, and no inbox row outlives its queue row', async () => {
    const journals = [owned, other];
    const runs = await Promise.all(Array.from({ length: 80 }, (_, index) => newRun(journals[index % 2]!)));
    const appends = runs.map((run, index) => {
      const posts = [1, 7, 11].map((step) => post(runs[(index + step) % runs.length]!.uuid));
      return journals[index % 2]!.journal.append(h.entry(run, { done: true, posts }));
    });
    expect(new Set(await h.outcomes(appends))).toEqual(new Set(['ok']));
    const left = await database.sql`
      select 1 from inbox i where run_id = any(${runs.map((run) => run.uuid)}::uuid[])
        and not exists (select 1 from run_queue q where q.run_id = i.run_id)`;
    expect(left).toHaveLength(0);
  });
});

describe('endpoints that are gone', () => {
  const gone = (runUuid: string, ...urls: string[]) =>
    urls.map((url) => ({ projectUuid: h.projectUuid, url, runUuid, delivery: 'step', step: 'a' }));
  const marks = () => database.sql`select url, run_id as run from gone_endpoints order by url`;

  test('are marked with the entry that has the answer, once, and without it not', async () => {
    const [one, two] = [await newRun(owned), await newRun(other)];
    await owned.journal.append(
      h.entry(one, { gone: gone(one.uuid, "https://h.test/it's", 'https://h.test/b') }),
    );
    await other.journal.append(h.entry(two, { gone: gone(two.uuid, 'https://h.test/b') }));
    expect([...(await marks())]).toEqual([
      { url: 'https://h.test/b', run: one.uuid },
      { url: "https://h.test/it's", run: one.uuid },
    ]);
  });

  test('are marked by two journals at once, in whatever order they come', async () => {
    const runs = await Promise.all([newRun(owned), newRun(other)]);
    const urls = Array.from({ length: 50 }, (_, index) => `https://h.test/${index}`);
    await Promise.all([
      owned.journal.append(h.entry(runs[0]!, { gone: gone(runs[0]!.uuid, ...urls) })),
      other.journal.append(h.entry(runs[1]!, { gone: gone(runs[1]!.uuid, ...urls.toReversed()) })),
    ]);
    expect((await marks()).filter(({ url }) => urls.includes(url as string))).toHaveLength(50);
  });
});
