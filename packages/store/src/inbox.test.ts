import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { deleteCommands, inboxRowsMax, postCommand, readInbox, reopenRun } from './inbox.ts';

let database: h.TestDatabase;
let owned: h.OwnedJournal;
beforeAll(async () => {
  database = await h.startDatabase();
  owned = await h.openJournal(database.url);
});
afterAll(async () => {
  await owned.journal.close();
  await owned.lease.close();
  await database.stop();
});

async function newOwnedRun() {
  const run = h.newRef();
  await owned.journal.append(h.creation(run));
  return run;
}

const command = (runUuid: string) => ({ runUuid, id: h.newUuid(), command: '{"type":"cancel"}' });
const inboxOf = (runUuid: string) => database.sql`select id from inbox where run_id = ${runUuid}`;

test('commands reach the owner of their run, oldest first, and nobody else', async () => {
  const [one, two] = [await newOwnedRun(), await newOwnedRun()];
  const rows = [command(one.uuid), command(two.uuid), command(one.uuid)];
  for (const row of rows) expect(await postCommand(database.sql, row)).toBe(true);
  expect([...(await readInbox(database.sql, owned.uuid, 100))]).toEqual(rows);
  expect([...(await readInbox(database.sql, owned.uuid, 2))]).toEqual(rows.slice(0, 2));
  expect(await readInbox(database.sql, h.newUuid(), 100)).toHaveLength(0);
  await Promise.all([one, two].map((run) => owned.journal.append(h.entry(run, { done: true }))));
});

test('a run without a queue row takes none', async () => {
  const run = await newOwnedRun();
  await owned.journal.append(h.entry(run, { done: true }));
  expect(await postCommand(database.sql, command(run.uuid))).toBe(false);
  expect(await inboxOf(run.uuid)).toHaveLength(0);
});

test('so many commands wait for a run, and no more; its neighbours and a repeat are none of that', async () => {
  const [run, other] = [await newOwnedRun(), await newOwnedRun()];
  await database.sql`
    insert into inbox (run_id, id, command)
    select ${run.uuid}, gen_random_uuid(), '{}' from generate_series(1, ${inboxRowsMax - 1})`;
  const last = command(run.uuid);
  expect(await postCommand(database.sql, last)).toBe(true);
  const refused = postCommand(database.sql, command(run.uuid));
  await expect(refused).rejects.toMatchObject({ code: 'inbox_full' });
  await expect(postCommand(database.sql, last)).rejects.toMatchObject({ code: '23505' });
  expect(await postCommand(database.sql, command(other.uuid))).toBe(true);
  expect(await inboxOf(run.uuid)).toHaveLength(inboxRowsMax);
  await deleteCommands(database.sql, [last]);
  expect(await postCommand(database.sql, command(run.uuid))).toBe(true);
  await Promise.all([run, other].map((each) => owned.journal.append(h.entry(each, { done: true }))));
});

test('a look brings no more bytes than memory has for it, and one command however large', async () => {
  const run = await newOwnedRun();
  const large = (megabytes: number) => ({ ...command(run.uuid), command: 'x'.repeat(megabytes * 2 ** 20) });
  const rows = [large(20), large(9), large(9), large(9)];
  for (const row of rows) await postCommand(database.sql, row);
  const look = async () => [...(await readInbox(database.sql, owned.uuid, 100))].map(({ id }) => id);
  expect(await look()).toEqual([rows[0]!.id]);
  await deleteCommands(database.sql, rows.slice(0, 1));
  expect(await look()).toEqual(rows.slice(1, 3).map(({ id }) => id));
  await owned.journal.append(h.entry(run, { done: true }));
});

test('one that meets the end of its run waits for it and is refused', async () => {
  const run = await newOwnedRun();
  const end = await h.holdTransaction(database.url, `delete from run_queue where run_id = '${run.uuid}'`);
  const posted = Promise.resolve(postCommand(database.sql, command(run.uuid)));
  await end.waiter();
  await end.release();
  expect(await posted).toBe(false);
  expect(await inboxOf(run.uuid)).toHaveLength(0);
});

test('an end that meets a command waits for it and takes it along', async () => {
  const run = await newOwnedRun();
  const post = await h.holdTransaction(
    database.url,
    `with open as (select run_id from run_queue where run_id = '${run.uuid}' for key share)
     insert into inbox (run_id, id, command) select run_id, '${h.newUuid()}', '{}' from open`,
  );
  const ended = owned.journal.append(h.entry(run, { done: true }));
  await post.waiter();
  await post.release();
  await ended;
  expect(await h.queueRow(database.sql, run.uuid)).toBeUndefined();
  expect(await inboxOf(run.uuid)).toHaveLength(0);
});

test('commands are taken out by name', async () => {
  const run = await newOwnedRun();
  const rows = [command(run.uuid), command(run.uuid)];
  for (const row of rows) await postCommand(database.sql, row);
  await deleteCommands(database.sql, []);
  await deleteCommands(database.sql, [rows[0]!, command(run.uuid)]);
  expect([...(await inboxOf(run.uuid))]).toEqual([{ id: rows[1]!.id }]);
  await owned.journal.append(h.entry(run, { done: true }));
});

describe('reopening', () => {
  const retry = (runUuid: string) => ({ ...command(runUuid), projectUuid: h.projectUuid, bytes: 7 });

  test('puts a run that is done back into the queue with the command', async () => {
    const run = await newOwnedRun();
    await owned.journal.append(h.entry(run, { done: true }));
    const request = retry(run.uuid);
    await reopenRun(database.sql, request);
    expect(await h.queueRow(database.sql, run.uuid)).toEqual({ owner: null, claims: 0 });
    expect([...(await inboxOf(run.uuid))]).toEqual([{ id: request.id }]);
  });

  test('leaves a run that goes on with its owner', async () => {
    const run = await newOwnedRun();
    await reopenRun(database.sql, retry(run.uuid));
    expect(await h.queueRow(database.sql, run.uuid)).toEqual({ owner: owned.uuid, claims: 0 });
    expect(await inboxOf(run.uuid)).toHaveLength(1);
  });

  test('that comes before the end keeps the run in the queue, and goes with its answer', async () => {
    const run = await newOwnedRun();
    const request = retry(run.uuid);
    await reopenRun(database.sql, request);
    await reopenRun(database.sql, request);
    await postCommand(database.sql, command(run.uuid));
    await owned.journal.append(h.entry(run, { done: true }));
    expect(await h.queueRow(database.sql, run.uuid)).toEqual({ owner: owned.uuid, claims: 0 });
    expect([...(await inboxOf(run.uuid))]).toEqual([{ id: request.id }]);
    await owned.journal.append(h.entry(run, { done: true, consumed: [request.id] }));
    expect(await h.queueRow(database.sql, run.uuid)).toBeUndefined();
    expect(await inboxOf(run.uuid)).toEqual([]);
  });

  test('that meets the end of the run waits for it and reopens it all the same', async () => {
    const run = await newOwnedRun();
    const end = await h.holdTransaction(
      database.url,
      `delete from run_queue where run_id = '${run.uuid}'; delete from inbox where run_id = '${run.uuid}'`,
    );
    const reopened = reopenRun(database.sql, retry(run.uuid));
    await end.waiter();
    await end.release();
    await reopened;
    expect(await h.queueRow(database.sql, run.uuid)).toEqual({ owner: null, claims: 0 });
    expect(await inboxOf(run.uuid)).toHaveLength(1);
  });
});
