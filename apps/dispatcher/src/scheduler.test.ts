import { defaultLimits } from '@waybill/protocol';
import { processRuntime } from '@waybill/store';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { newUuid, planOf, projectUuid, step } from '../test/harness.ts';
import { FakeSchedules, type Mishap } from '../test/schedules.ts';
import { Scheduler, type TickOutcome } from './scheduler.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 100_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Virtual time: that of the fake timers, for schedulers and database alike. */
function setUp() {
  const store = new FakeSchedules(() => Date.now());
  const logged: string[] = [];
  const hints: string[] = [];
  const counts = { started: 0, skipped: 0, failed: 0 };
  const latenesses: number[] = [];
  const log = (_: unknown, text?: string) => void logged.push(String(text));
  const create = () =>
    new Scheduler({
      store,
      hints: { notify: (channel) => void hints.push(channel) },
      runtime: { ...processRuntime, monotonic: () => Date.now() },
      log: { info: log, warn: log, error: log },
      limits: defaultLimits,
      backlogMax: 5,
      onTicks(outcome: TickOutcome, count, late) {
        counts[outcome] += count;
        latenesses.push(...late);
      },
    });
  return { store, logged, hints, counts, latenesses, create };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const upTo = (lastMs: number, from = 101_000) =>
  Array.from({ length: (lastMs - from) / 1000 + 1 }, (_, n) => from + n * 1000);

test('it wakes for the ticks that it knows of, and tells the dispatchers', async () => {
  const { store, create, hints, counts, latenesses } = setUp();
  store.add({ key: 'a', nextAtMs: 101_000 });
  store.add({ key: 'b', nextAtMs: 100_300, createdAtMs: 99_300 });
  const scheduler = create();
  scheduler.start();
  await pass(5500);
  await scheduler.stop();
  expect(store.ticksOf('a')).toEqual(upTo(105_000));
  expect(store.ticksOf('b')).toEqual(upTo(105_300, 100_300));
  expect([counts, hints.length]).toEqual([{ started: 11, skipped: 0, failed: 0 }, 11]);
  // Not when the next second happens to be over.
  expect(Math.max(...latenesses)).toBeLessThan(25);
});

test('one that was added meanwhile is seen within a second', async () => {
  const { store, create, latenesses } = setUp();
  const scheduler = create();
  scheduler.start();
  await pass(100);
  store.add({ key: 'a', nextAtMs: 100_200 });
  await pass(1000);
  await scheduler.stop();
  expect(store.ticksOf('a')[0]).toBe(100_200);
  expect(latenesses[0]).toBeLessThan(1000);
});

test('three of them, messages and answers lost, and any of them gone at any time: each tick once', async () => {
  const mishaps = fc.infiniteStream(
    fc.oneof(
      { arbitrary: fc.constant<Mishap>('none'), weight: 6 },
      fc.constantFrom<Mishap>('request', 'answer'),
    ),
  );
  const seen = new Set<Mishap>();
  await fc.assert(
    fc.asyncProperty(
      mishaps,
      fc.array(fc.tuple(fc.nat(2), fc.nat(4000)), { maxLength: 15 }),
      async (chance, kills) => {
        vi.setSystemTime(100_000);
        const { store, create } = setUp();
        for (const key of ['a', 'b', 'c']) store.add({ key, nextAtMs: 101_000 });
        store.mishap = () => {
          const mishap = chance.next().value as Mishap;
          seen.add(mishap);
          return mishap;
        };
        const schedulers = [create(), create(), create()];
        for (const each of schedulers) each.start();
        for (const [index, ms] of kills) {
          await pass(ms);
          // What it has under way may end, or not: the mishaps see to that.
          void schedulers[index]!.stop();
          schedulers[index] = create();
          schedulers[index].start();
        }
        store.mishap = () => 'none';
        await pass(2000);
        await Promise.all(schedulers.map((each) => each.stop()));
        const last = Math.floor((Date.now() - 50) / 1000) * 1000;
        for (const key of ['a', 'b', 'c'])
          expect(store.ticksOf(key).filter((at) => at <= last)).toEqual(upTo(last));
      },
    ),
    { numRuns: 40 },
  );
  expect(seen).toEqual(new Set(['none', 'request', 'answer']));
});

test('what cannot be started does not keep the others, and is told once', async () => {
  const { store, create, counts, logged } = setUp();
  store.plans = (key) => (key === 'gone' ? null : planOf([step('a')]));
  const gone = store.add({ key: 'gone', workflowKey: 'gone', nextAtMs: 101_000 });
  const large = store.add({ key: 'large', context: JSON.stringify('x'.repeat(300_000)), nextAtMs: 101_000 });
  const refused = store.add({ key: 'refused', nextAtMs: 101_000 });
  store.add({ key: 'good', nextAtMs: 101_000 });
  store.refuses = ({ schedule, runs }) => schedule.uuid === refused.uuid && runs.length > 0;
  const scheduler = create();
  scheduler.start();
  await pass(3500);
  await scheduler.stop();
  expect(store.ticksOf('good')).toEqual(upTo(103_000));
  expect(counts).toEqual({ started: 3, skipped: 0, failed: 9 });
  const errors = [gone, large, refused].map(({ uuid }) => JSON.parse(store.rows.get(uuid)!.lastError!).code);
  expect(errors).toEqual(['unknown_workflow', 'context_too_large', 'run_refused']);
  expect(logged.filter((text) => text === 'a schedule could not start a run')).toHaveLength(3);
});

test('a schedule that this program does not understand waits for one that does', async () => {
  const { store, create, logged } = setUp();
  const odd = store.add({
    key: 'odd',
    cron: 'of tomorrow',
    timeZone: 'UTC',
    everyMs: null,
    nextAtMs: 101_000,
  });
  store.add({ key: 'good', nextAtMs: 101_000 });
  const scheduler = create();
  scheduler.start();
  await pass(3500);
  await scheduler.stop();
  expect(store.rows.get(odd.uuid)).toEqual(odd);
  expect(store.ticksOf('good').length).toBeGreaterThanOrEqual(2);
  expect(logged.filter((text) => text.includes('could not be looked at')).length).toBeLessThan(8);
});

test('a project with a full backlog waits, and catches up as its schedules say; others go on', async () => {
  const { store, create } = setUp();
  const other = newUuid();
  store.add({ key: 'all', nextAtMs: 101_000 });
  store.add({ key: 'latest', catchUp: 'latest', nextAtMs: 101_000 });
  store.add({ key: 'other', projectUuid: other, nextAtMs: 101_000 });
  store.backlog = [
    { project: projectUuid, runs: 6, ageMs: 2001 },
    { project: other, runs: 6, ageMs: 1999 },
  ];
  const scheduler = create();
  scheduler.start();
  await pass(5500);
  expect([store.ticksOf('all'), store.ticksOf('latest')]).toEqual([[], []]);
  expect(store.ticksOf('other').length).toBeGreaterThanOrEqual(4);
  store.backlog = [];
  await pass(2500);
  await scheduler.stop();
  expect(store.ticksOf('all').slice(0, 5)).toEqual(upTo(105_000));
  expect(store.ticksOf('latest')[0]).toBeGreaterThanOrEqual(105_000);
});

test('overlap is judged by the run before: skipped while it goes on, or cancelled', async () => {
  const { store, create, counts } = setUp();
  store.add({ key: 'skip', overlap: 'skip', nextAtMs: 101_000 });
  store.add({ key: 'cancel', overlap: 'cancel', nextAtMs: 101_000 });
  const scheduler = create();
  scheduler.start();
  await pass(2500);
  expect([store.ticksOf('skip'), store.ticksOf('cancel')]).toEqual([[101_000], [101_000, 102_000]]);
  expect([store.posts.length, counts.skipped]).toEqual([1, 1]);
  store.open.clear();
  await pass(1000);
  await scheduler.stop();
  expect([store.ticksOf('skip'), store.posts.length]).toEqual([[101_000, 103_000], 1]);
});
