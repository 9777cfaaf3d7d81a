import { describe, expect, test } from 'vitest';
import { newUuid, projectUuid, types } from '../test/harness.ts';
import type * as live from '../test/live.ts';
import { type Sessions, useSessions } from '../test/sessions.ts';

let database: Sessions['database'];
let handler: Sessions['handler'];
let startSession: Sessions['start'];
useSessions((sessions) => {
  ({ database, handler, start: startSession } = sessions);
});

/** A run whose step `held` is with its handler. */
async function withOpenStep(owner: live.TestSession, held: string, ids = ['a', 'b', 'c']): Promise<string> {
  const stored = await database.store(handler.chain(ids));
  handler.hold(held);
  const uuid = newUuid();
  await owner.startOwned(stored, uuid);
  await handler.arrived(held, 1);
  return uuid;
}

const sent = () => handler.requests.map(({ step, attempt }) => `${step}${attempt}`);

test('claims a run that waits, drives it to its end, and leaves no queue row', async () => {
  const { session, committed } = await startSession();
  const run = await database.createRun(await database.store(handler.chain(['a', 'b', 'c'])));
  expect(await session.claim()).toBe(1);
  await committed(run, 'run.completed');
  expect(sent()).toEqual(['a1', 'b1', 'c1']);
  expect(await database.queue(run)).toBeUndefined();
  expect(session.stats.runs).toBe(0);
});

test('silent for 10 s: what is open is given up and nothing is sent, until a heartbeat succeeds', async () => {
  const owner = await startSession();
  const { session, clock, committed } = owner;
  const uuid = await withOpenStep(owner, 'a');
  await database.sql`alter table dispatchers rename heartbeat_at to broken`;
  clock.advance(9000);
  await session.lease.beat();
  expect(session.mayOwn(projectUuid)).toBe(true);
  clock.advance(1000);
  const aborted = handler.aborted('a');
  expect(await session.lease.beat()).toBe(false);
  await aborted;
  await committed(uuid, 'attempt.lost');
  expect([session.mayOwn(projectUuid), sent(), await session.claim()]).toEqual([false, ['a1'], 0]);
  await database.sql`alter table dispatchers rename broken to heartbeat_at`;
  handler.release();
  expect(await session.lease.beat()).toBe(true);
  await committed(uuid, 'run.completed');
  expect(sent()).toEqual(['a1', 'a2', 'b1', 'c1']);
});

describe('ownership', () => {
  test('a run that is owned but not driven is adopted, once', async () => {
    const { session, uuid, committed } = await startSession();
    const run = await database.createRun(await database.store(handler.chain(['a'])));
    await database.sql`update run_queue set owner = ${uuid} where run_id = ${run}`;
    await Promise.all([session.adopt(), session.adopt()]);
    await committed(run, 'run.completed');
    expect(sent()).toEqual(['a1']);
  });

  test('a run that is driven here is not loaded a second time', async () => {
    const owner = await startSession();
    const uuid = await withOpenStep(owner, 'a', ['a']);
    await database.sql`update run_queue set owner = null where run_id = ${uuid}`;
    expect(await owner.session.claim()).toBe(1);
    await owner.session.adopt();
    expect(owner.session.stats.inFlight).toBe(1);
    handler.release();
    await owner.committed(uuid, 'run.completed');
    expect(sent()).toEqual(['a1']);
  });

  test('a start that came second to another dispatcher is left to that one', async () => {
    const [first, second] = [await startSession(), await startSession()];
    const uuid = await withOpenStep(first, 'a', ['a']);
    const stored = await database.store(handler.chain(['a']));
    await expect(second.startOwned(stored, uuid)).rejects.toMatchObject({ code: 'stale_run' });
    await second.logged('reloading the run');
    await database.settled();
    expect(second.session.stats.runs).toBe(0);
    handler.release();
    await first.committed(uuid, 'run.completed');
    expect(sent()).toEqual(['a1']);
  });

  test('taken over: the open attempt is closed as lost, not counted, and sent again as number 2', async () => {
    const { session, committed } = await startSession();
    const at = Date.now();
    const run = await database.createRun(await database.store(handler.chain(['a'], 1)), [
      { type: 'run.started', at },
      { type: 'attempt.started', at, delivery: 'step', step: 'a', attempt: 1 },
    ]);
    await session.claim();
    await committed(run, 'run.completed');
    expect(sent()).toEqual(['a2']);
    // The start of the second one is left out, unless its answer took long.
    const told = types(await database.events(run)).filter((type) => type !== 'attempt.started a');
    expect(told).toEqual([
      ...['run.created', 'run.started', 'attempt.lost a', 'step.completed a', 'run.completed'],
    ]);
  });

  test('a dead dispatcher is rescued, and its delivery keeps its webhook-id', async () => {
    const [dead, heir] = [await startSession(), await startSession()];
    const uuid = await withOpenStep(dead, 'a', ['a']);
    await dead.committed(uuid, 'attempt.started');
    await database.expire(dead.uuid);
    await heir.session.rescue();
    expect(await database.queue(uuid)).toEqual({ owner: null, claims: 1 });
    await heir.session.claim();
    await handler.arrived('a', 2);
    const aborted = handler.aborted('a');
    expect(await dead.session.lease.tick()).toBe(false);
    // The dead one learns of it, and cuts what it had open.
    await aborted;
    handler.release();
    await heir.committed(uuid, 'run.completed');
    expect(sent()).toEqual(['a1', 'a2']);
    expect(new Set(handler.requests.map(({ id }) => id)).size).toBe(1);
  });
});

test('a command in the inbox is applied, and its row goes', async () => {
  const owner = await startSession();
  const uuid = await withOpenStep(owner, 'a');
  await database.cancel(uuid);
  await Promise.all([owner.session.readInbox(), owner.session.readInbox()]);
  await owner.committed(uuid, 'run.cancelled');
  expect(await database.queue(uuid)).toBeUndefined();
  expect(await database.sql`select 1 from inbox`).toEqual([]);
  const commands = types(await database.events(uuid)).filter((type) => type.startsWith('command'));
  expect(commands).toEqual(['command.applied']);
});

test('a command that comes again after it was answered is taken out, and nothing else', async () => {
  const owner = await startSession();
  const uuid = await withOpenStep(owner, 'a');
  const id = newUuid();
  await database.post(uuid, { type: 'pause' }, id);
  await owner.session.readInbox();
  await owner.committed(uuid, 'command.applied');
  await database.post(uuid, { type: 'pause' }, id);
  await database.post(newUuid(), { type: 'pause' });
  expect(await owner.session.readInbox()).toBe(1);
  // Not while anything of the run is on its way, such as the start of its attempt.
  while ((await owner.session.readInbox()) > 0);
  expect(types(await database.events(uuid)).filter((type) => type === 'run.paused')).toHaveLength(1);
  await database.post(uuid, { type: 'resume' });
  await owner.session.readInbox();
  handler.release();
  await owner.committed(uuid, 'run.completed');
});

describe('a run that is done and in the queue all the same', () => {
  async function doneRun(): Promise<string> {
    const at = Date.now();
    const end = { delivery: 'step', step: 'a', attempt: 1, startedAt: at, result: '1' } as const;
    return database.createRun(await database.store(handler.chain(['a'])), [
      { type: 'run.started', at },
      { type: 'step.completed', at, ...end },
      { type: 'run.completed', at },
    ]);
  }

  test('is taken out', async () => {
    const { session } = await startSession();
    const run = await doneRun();
    expect(await session.claim()).toBe(1);
    expect(await database.queue(run)).toBeUndefined();
    expect(session.stats.runs).toBe(0);
  });

  test('is taken out with the answer to its command, if that is a refusal', async () => {
    const { session, committed } = await startSession();
    const run = await doneRun();
    await database.sql`delete from run_queue where run_id = ${run}`;
    await database.reopen(run, { type: 'cancel' });
    expect(await session.claim()).toBe(1);
    await committed(run, 'command.refused');
    expect(types(await database.events(run)).at(-1)).toBe('command.refused');
    expect(await database.queue(run)).toBeUndefined();
    expect(await database.sql`select 1 from inbox where run_id = ${run}`).toEqual([]);
    expect(session.stats.runs).toBe(0);
    expect(sent()).toEqual([]);
  });
});

test('a retry that arrives while the end of the run is on its way is carried out', async () => {
  const owner = await startSession();
  handler.answerWith('{"success":false}');
  const uuid = await withOpenStep(owner, 'a', ['a']);
  const held = await database.holdEnd(uuid);
  handler.release();
  await held.isAwaited();
  // By now its owner knows that the run is done, and nobody else does.
  handler.answerWith('{"success":true}');
  await database.reopen(uuid, { type: 'retry' });
  await owner.session.readInbox();
  await held.release();
  await owner.committed(uuid, 'run.failed');
  while ((await owner.session.readInbox()) > 0);
  await owner.committed(uuid, 'run.completed');
  expect(await database.queue(uuid)).toBeUndefined();
  expect(sent()).toEqual(['a1', 'a2']);
});

describe('what is driven is compared with what is owned', () => {
  test('a run whose row was taken away is let go of', async () => {
    const owner = await startSession();
    const uuid = await withOpenStep(owner, 'a', ['a']);
    await owner.committed(uuid, 'attempt.started');
    await database.sql`update run_queue set owner = null, ready_at = now() + interval '1 hour' where run_id = ${uuid}`;
    const aborted = handler.aborted('a');
    await owner.session.adopt();
    await aborted;
    expect(owner.session.stats.runs).toBe(0);
  });

  test('a run that is done, and that a command put back which had been answered, is taken out', async () => {
    const { session, committed } = await startSession();
    const run = await database.createRun(await database.store(handler.chain(['a'])));
    await session.claim();
    await committed(run, 'run.completed');
    const id = newUuid();
    await database.reopen(run, { type: 'cancel' }, id);
    await session.claim();
    await committed(run, 'command.refused');
    await database.reopen(run, { type: 'cancel' }, id);
    expect(await session.claim()).toBe(1);
    expect(await database.sql`select 1 from inbox where run_id = ${run}`).toEqual([]);
    await session.adopt();
    expect(await database.queue(run)).toBeUndefined();
    expect(session.stats.runs).toBe(0);
  });
});

describe('stop', () => {
  test('finishes what is in flight, sends nothing new, and gives everything back', async () => {
    const owner = await startSession();
    const uuid = await withOpenStep(owner, 'a');
    // Longer than a test may take.
    const stopped = owner.session.stop(300_000);
    handler.release();
    await stopped;
    expect(sent()).toEqual(['a1']);
    expect(types(await database.events(uuid)).at(-1)).toBe('step.completed a');
    expect(await database.queue(uuid)).toEqual({ owner: null, claims: 0 });
    expect(await database.dispatchers()).not.toContain(owner.uuid);
    const heir = await startSession();
    await heir.session.claim();
    await heir.committed(uuid, 'run.completed');
    expect(sent()).toEqual(['a1', 'b1', 'c1']);
  });

  test('records as lost what does not end within the grace period', async () => {
    const owner = await startSession();
    const uuid = await withOpenStep(owner, 'a');
    await owner.session.stop(0);
    expect(types(await database.events(uuid)).at(-1)).toBe('attempt.lost a');
    expect(await database.queue(uuid)).toEqual({ owner: null, claims: 0 });
  });
});
