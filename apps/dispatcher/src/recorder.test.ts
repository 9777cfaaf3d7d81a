import { expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { OwnedRuns } from './owned-runs.ts';
import { Recorder } from './recorder.ts';

const attempt = { delivery: 'step', step: 'a', attempt: 1, startedAt: 1 } as const;
const completed = (length: number) =>
  ({ type: 'step.completed', at: 1, ...attempt, result: 'x'.repeat(length) }) as const;

function record({ claims = 0, runStateBytesMax = 1_000_000 } = {}) {
  const context = new h.FakeContext();
  let suspectsGone = 0;
  const runs = new OwnedRuns({ onSuspectGone: () => void suspectsGone++, onRemoved: () => {} });
  const tooLarge: string[] = [];
  const recorder = new Recorder({
    ...{ journal: context.journal, runs, clock: context.clock, runStateBytesMax },
    onTooLarge: ({ driver }) => void tooLarge.push(driver.runUuid),
  });
  const driver = h.newDriver(context, h.planOf([h.step('a')]));
  const run = runs.add(driver, { claims, bytes: 1000, queuedBytes: 1000 }, 0);
  const ref = { uuid: driver.runUuid, seq: 0, isDiscarded: false };
  const append = (...events: Parameters<typeof h.types>[0]) =>
    recorder.append({ run: ref, events, bytes: 1 });
  return { context, runs, run, append, tooLarge, suspectsGone: () => suspectsGone };
}

test('what is in flight to the journal is counted until it is settled, well or not', async () => {
  const { context, run, append } = record();
  context.clock.ms += 5;
  const appends = [append(completed(1)), append(completed(1))];
  expect([run.unsettled, run.activeAtMs]).toEqual([2, context.clock.monotonic()]);
  await context.appends[0]!.commit();
  expect(run.unsettled).toBe(1);
  await Promise.all([expect(appends[1]).rejects.toThrow(), context.appends[0]!.refuse(new Error() as never)]);
  expect(run.unsettled).toBe(0);
});

test('results count as memory; the queue row learns of it when it is far behind, and again at twice that', () => {
  const { context, runs, run, append } = record();
  for (const length of [30_000, 5000, 1, 60_000, 60_000]) void append(completed(length)).catch(() => {});
  expect([run.bytes, runs.bytes]).toEqual([156_001, 156_001]);
  expect(context.appends.map(({ entry }) => entry.queue?.bytes)).toEqual([
    ...[undefined, 36_000, undefined, undefined, 156_001],
  ]);
});

test('a suspect is cleared when its progress is durable, not before', async () => {
  const { context, runs, run, append, suspectsGone } = record({ claims: 2 });
  void append({ type: 'run.started', at: 1 }, { type: 'attempt.lost', at: 1, ...attempt });
  await context.commitAll();
  expect([runs.hasSuspect, run.claims]).toEqual([true, 2]);
  void append(completed(1));
  expect(context.appends[0]!.entry.queue).toEqual({ bytes: 1001, parkedUntilMs: null });
  expect([runs.hasSuspect, suspectsGone()]).toEqual([true, 0]);
  await context.commitAll();
  expect([runs.hasSuspect, run.claims, suspectsGone()]).toEqual([false, 0, 1]);
});

test('a run above the limit is told of once, when what brought it there is done', async () => {
  const { context, tooLarge, append, run } = record({ runStateBytesMax: 2000 });
  void append(completed(2000));
  expect(tooLarge).toEqual([]);
  await context.commitAll();
  void append(completed(2000));
  await context.commitAll();
  expect(tooLarge).toEqual([run.driver.runUuid]);
});
