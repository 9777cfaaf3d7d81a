import type { RunEvent } from '@waybill/engine';
import { defaultLimits } from '@waybill/protocol';
import { describe, expect, test } from 'vitest';
import { newUuid, projectUuid, types } from '../test/harness.ts';
import { type Sessions, useSessions } from '../test/sessions.ts';

let database: Sessions['database'];
let handler: Sessions['handler'];
let startSession: Sessions['start'];
useSessions(
  (sessions) => {
    ({ database, handler, start: startSession } = sessions);
  },
  ['run_queue', 'inbox'],
);

const day = 86_400_000;
const sent = () => handler.requests.map(({ step, attempt }) => `${step}${attempt}`);

/** Runs of one step that wait, as another owner left them. */
async function waitingRuns(count: number, wait: (at: number) => RunEvent): Promise<string[]> {
  const stored = await database.store(handler.chain(['a'], 3, { timeout: 30 * 86_400 }));
  const at = Date.now();
  const runs: string[] = [];
  for (let index = 0; index < count; index++) {
    runs.push(await database.createRun(stored, [{ type: 'run.started', at }, wait(at)]));
  }
  return runs;
}

const attempt = { delivery: 'step', step: 'a', attempt: 1 } as const;
const inBackOff = (at: number): RunEvent => {
  const error = { code: 'http_500', message: 'no' };
  return { type: 'attempt.failed', at, ...attempt, startedAt: at, error, retryAt: at + day / 2 };
};
const pending = (at: number): RunEvent => {
  return { type: 'attempt.pending', at, ...attempt, startedAt: at, until: at + day / 2 };
};

const ownerOf = async (run: string) => (await database.queue(run))?.owner;

/** The queue has no flush of ours on its way. */
async function parked(run: string): Promise<void> {
  while ((await ownerOf(run)) !== null);
}

describe('runs that wait', () => {
  test('give their places to others when memory is short, and go on in time', async () => {
    const { session, clock, committed } = await startSession({ runsMax: 3 });
    const waiting = await waitingRuns(3, inBackOff);
    expect(await session.claim()).toBe(3);
    expect([session.stats.runs, session.mayOwn(projectUuid)]).toEqual([3, false]);

    const fresh = await database.createRun(await database.store(handler.chain(['b'])));
    clock.advance(1000);
    expect(await session.claim()).toBe(1);
    await committed(fresh, 'run.completed');
    expect([session.stats.runs, session.mayOwn(projectUuid)]).toEqual([2, true]);
    await parked(waiting[0]!);
    const rows = await database.sql<{ at: Date }[]>`select ready_at as at from run_queue where owner is null`;
    const [{ at }] = await database.sql<[{ at: number }]>`
      select max(at_ms) as at from run_events where run_id = ${waiting[0]!} and type = 'attempt.failed'`;
    expect(rows.map((row) => row.at.getTime())).toEqual([at + day / 2 - 1000]);

    // The time has come.
    clock.leap(day);
    await database.sql`update run_queue set ready_at = now() where owner is null`;
    expect(await session.claim()).toBe(1);
    await committed(waiting[0]!, 'run.completed');
    expect(sent()).toEqual(['b1', 'a2']);
  });

  test('are parked when they have been idle for long, and a callback wakes them', async () => {
    const { session, clock, committed } = await startSession();
    const [run] = await waitingRuns(1, pending);
    await session.claim();
    session.park();
    expect(session.stats.runs).toBe(1);
    clock.advance(61_000);
    await session.lease.tick();
    session.park();
    expect(session.stats.runs).toBe(0);
    await parked(run!);
    expect(await session.claim()).toBe(0);
    const outcome = { kind: 'success', result: '7' };
    await database.post(run!, { type: 'callback', step: 'a', round: 0, attempt: 1, outcome });
    expect(await session.claim()).toBe(1);
    await committed(run!, 'run.completed');
    expect(sent()).toEqual([]);
    expect(await database.queue(run!)).toBeUndefined();
  });

  test('stay where they are while they have something in flight', async () => {
    const owner = await startSession({ runsMax: 1 });
    const uuid = newUuid();
    handler.hold('a');
    await owner.startOwned(await database.store(handler.chain(['a'])), uuid);
    await handler.arrived('a', 1);
    owner.clock.advance(1000);
    expect(await owner.session.claim()).toBe(0);
    expect(owner.session.stats.runs).toBe(1);
    handler.release();
    await owner.committed(uuid, 'run.completed');
  });
});

test('in a busy process no more runs start or are claimed than keep it going, those being written counted', async () => {
  let isBusy = true;
  const { session, startOwned } = await startSession({ isBusy: () => isBusy, runsMax: 1000 });
  const stored = await database.store(handler.chain(['a']));
  await database.createRun(stored);
  handler.hold('a');
  const letThrough = await database.holdStarts();
  const start = () => startOwned(stored, newUuid());
  const starts = Array.from({ length: 300 }, start);
  await expect.poll(() => session.stats.runs).toBe(300);
  expect(session.mayOwn(projectUuid)).toBe(true);
  starts.push(start());
  await expect.poll(() => session.stats.runs).toBe(301);
  expect([session.mayOwn(projectUuid), await session.claim()]).toEqual([false, 0]);
  isBusy = false;
  expect(session.mayOwn(projectUuid)).toBe(true);
  isBusy = true;
  await letThrough();
  await Promise.all(starts);
  // So many are with their handler that no more than 300 wait.
  expect(session.mayOwn(projectUuid)).toBe(true);
  expect(await session.claim()).toBe(1);
});

describe('bytes', () => {
  test('of the queue bound what is claimed; what is in memory bounds what may start', async () => {
    const { session } = await startSession({ runBytesMax: 8000 });
    handler.hold('a');
    const stored = await database.store(handler.chain(['a']));
    for (let index = 0; index < 5; index++) await database.createRun(stored);
    await database.sql`update run_queue set bytes = 5000`;
    expect(await session.claim()).toBe(2);
    // They turned out to be smaller than the queue had it.
    expect(session.mayOwn(projectUuid)).toBe(true);
    expect(await session.claim()).toBe(1);
    expect(await session.claim()).toBe(1);
    expect([session.mayOwn(projectUuid), await session.claim()]).toEqual([false, 0]);
    expect(session.stats.runs).toBe(4);
  });

  test('of results are told to the queue when they have become many', async () => {
    const owner = await startSession();
    const uuid = newUuid();
    handler.answerWith(JSON.stringify('x'.repeat(50_000)));
    handler.hold('b');
    await owner.startOwned(await database.store(handler.chain(['a', 'b'])), uuid);
    await handler.arrived('b', 1);
    const [row] = await database.sql<{ bytes: number }[]>`select bytes from run_queue where run_id = ${uuid}`;
    expect(row!.bytes).toBeGreaterThan(50_000);
    expect(row!.bytes).toBeLessThan(60_000);
    handler.release();
    await owner.committed(uuid, 'run.completed');
  });

  const small = { limits: { ...defaultLimits, runStateBytesMax: 10_000 } };

  test('above the limit of one run fail the step whose result they are', async () => {
    const owner = await startSession(small);
    const uuid = newUuid();
    handler.answerWith(JSON.stringify('x'.repeat(4000)));
    await owner.startOwned(await database.store(handler.chain(['a', 'b', 'c'])), uuid);
    await owner.committed(uuid, 'run.failed');
    const events = await database.events(uuid);
    const failed = events.find((event) => event.type === 'step.failed');
    expect(failed).toMatchObject({ step: 'b', error: { code: 'run_state_too_large' } });
    expect(sent()).toEqual(['a1', 'b1']);
  });

  test('above it all the same end the run that has them, before it sends anything', async () => {
    const { session, committed } = await startSession(small);
    const at = Date.now();
    const result = JSON.stringify('x'.repeat(20_000));
    const run = await database.createRun(await database.store(handler.chain(['a', 'b'])), [
      { type: 'run.started', at },
      { type: 'step.completed', at, ...attempt, startedAt: at, result },
    ]);
    await session.claim();
    await committed(run, 'run.quarantined');
    const events = await database.events(run);
    expect(events.at(-1)).toMatchObject({ error: { code: 'run_state_too_large' } });
    expect(sent()).toEqual([]);
  });

  test('of a callback count like those of an answer', async () => {
    const { session, committed } = await startSession(small);
    const [run] = await waitingRuns(1, pending);
    const outcome = { kind: 'success', result: JSON.stringify('x'.repeat(20_000)) };
    await database.post(run!, { type: 'callback', step: 'a', round: 0, attempt: 1, outcome });
    await session.claim();
    await committed(run!, 'run.failed');
    expect(types(await database.events(run!))).toContain('step.failed a');
  });
});
