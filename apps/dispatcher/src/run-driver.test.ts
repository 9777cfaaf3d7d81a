import type { RunEvent } from '@waybill/engine';
import { StoreError } from '@waybill/store';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import * as h from '../test/harness.ts';

const hooks = { onComplete: 'https://a.test/done', onError: 'https://a.test/error' };
const cancel = (id: string) => ({ type: 'cancel', commandId: id, compensate: true }) as const;
const row = (driver: { runUuid: string }, id: string) => ({ runUuid: driver.runUuid, id, command: '{}' });

describe('effects', () => {
  test('wait for the commit: a first step, a dependent, a retry, a hook', async () => {
    const context = new h.FakeContext();
    const plan = h.planOf([h.step('a'), h.step('b', { dependsOn: ['a'] })], hooks);
    const driver = h.newDriver(context, plan);
    void driver.create(h.newRun({ createdAtMs: context.clock.now() }));
    expect(context.sent).toEqual([]);
    await context.commitAll();
    const names = () => context.sent.map((delivery) => `${delivery.kind}${delivery.index}`);
    expect(names()).toEqual(['step0']);

    driver.endAttempt(context.sent[0]!, 1, h.failure(true));
    context.clock.ms += 5000;
    context.timers.tick();
    expect(names()).toEqual(['step0']);
    await context.commitAll();
    expect(names()).toEqual(['step0', 'step0']);

    driver.endAttempt(context.sent[1]!, 2, h.success);
    expect(names()).toHaveLength(2);
    await context.commitAll();
    expect(names()).toEqual(['step0', 'step0', 'step1']);

    driver.endAttempt(context.sent[2]!, 1, h.success);
    expect(names()).toHaveLength(3);
    await context.commitAll();
    expect(names()).toEqual(['step0', 'step0', 'step1', 'hook-1']);
    expect(context.done).toEqual([]);
    driver.endAttempt(context.sent[3]!, 1, h.success);
    expect(context.done).toEqual([]);
    await context.commitAll();
    expect(context.done).toEqual([driver]);
  });

  test('a retry is sent when its time has come, not before', async () => {
    const context = new h.FakeContext();
    const driver = await h.startedDriver(context, h.planOf([h.step('a')]));
    driver.endAttempt(context.sent[0]!, 1, h.failure(true));
    await context.commitAll();
    context.clock.ms += 999;
    context.timers.tick();
    expect(context.sent).toHaveLength(1);
    context.clock.ms += 1;
    context.timers.tick();
    expect(context.sent).toHaveLength(2);
    driver.discard();
  });

  test('what was held back is recorded behind the end that made room for it', async () => {
    const context = new h.FakeContext();
    const once = h.step('b', { delivery: 'at-most-once' });
    const driver = await h.startedDriver(context, h.planOf([h.step('a'), once], { maxConcurrency: 1 }));
    driver.endAttempt(context.sent[0]!, 1, h.success);
    await context.commitAll();
    expect(h.types(context.committed).slice(1)).toEqual(['step.completed a', 'attempt.started b']);
    driver.discard();
  });

  test('a delivery that another round has replaced while it waited for a socket is not sent', async () => {
    const context = new h.FakeContext();
    const plan = h.planOf([h.step('a'), h.step('b')], hooks);
    context.isOpen = false;
    const driver = await h.startedDriver(context, plan);
    context.isOpen = true;
    const waiting = driver.state.steps[1]!.delivery!;
    driver.send(driver.state.steps[0]!.delivery!);
    driver.endAttempt(context.sent[0]!, 1, h.failure(false));
    driver.applyFromInbox(row(driver, 'c'), { type: 'retry', commandId: 'c' });
    expect(driver.state.steps[1]!.delivery).not.toBe(waiting);
    driver.send(waiting);
    expect(context.sent).toHaveLength(1);
  });

  test('an answer to an attempt that was given up is ignored', async () => {
    const context = new h.FakeContext();
    const driver = await h.startedDriver(context, h.planOf([h.step('a')]));
    const [delivery] = context.sent;
    driver.endAttempt(delivery!, 1, 'lost');
    await context.commitAll();
    expect(context.sent).toHaveLength(2);
    driver.endAttempt(delivery!, 1, h.success);
    expect(context.appends).toEqual([]);
    expect(driver.state.steps[0]!.state).toBe('running');
    driver.discard();
  });
});

describe('an attempt to an endpoint that is spared', () => {
  test('is sent when its time has come: late, not counted as another, and with its own number', async () => {
    const context = new h.FakeContext();
    context.isOpen = false;
    const driver = await h.startedDriver(context, h.planOf([h.step('a'), h.step('b')]));
    const [spared, other] = driver.state.steps.map(({ delivery }) => delivery!);
    context.holds.set(spared!, context.clock.now() + 5000);
    context.isOpen = true;
    context.queue.pump();
    expect(context.sent).toEqual([other]);
    expect([spared!.attempts, driver.state.steps[0]!.state]).toEqual([0, 'waiting']);
    context.holds.delete(spared!);
    context.clock.ms += 5000;
    context.timers.tick();
    expect(context.sent).toEqual([other, spared]);
    expect([spared!.attempts, spared!.spent]).toEqual([1, 1]);
    driver.discard();
  });

  test('is not sent any more when its run has ended meanwhile', async () => {
    const context = new h.FakeContext();
    context.isOpen = false;
    const driver = await h.startedDriver(context, h.planOf([h.step('a')]));
    const { delivery } = driver.state.steps[0]!;
    context.holds.set(delivery!, context.clock.now() + 5000);
    context.isOpen = true;
    context.queue.pump();
    driver.apply(cancel('c1'));
    await context.commitAll();
    context.holds.clear();
    context.clock.ms += 5000;
    context.timers.tick();
    expect(context.sent).toEqual([]);
    expect(driver.state.state).toBe('cancelled');
  });
});

describe('the start of an attempt', () => {
  test('is left out when the attempt ends soon, and recorded when it does not', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const context = new h.FakeContext();
      const driver = await h.startedDriver(context, h.planOf([h.step('a'), h.step('b')]));
      vi.advanceTimersByTime(49);
      driver.endAttempt(context.sent[0]!, 1, h.success);
      await context.commitAll();
      vi.advanceTimersByTime(51);
      await context.commitAll();
      expect(h.types(context.committed)).toEqual(['run.created', 'step.completed a', 'attempt.started b']);
      driver.discard();
    } finally {
      vi.useRealTimers();
    }
  });

  test.each([
    ['a failure that drains', 'step.failed b'],
    ['a cancel', 'command.applied'],
    ['a time-out', 'run.timed_out'],
    ['a quarantine', 'run.quarantined'],
  ])('is recorded before %s', async (_, first) => {
    const context = new h.FakeContext();
    const driver = await h.startedDriver(context, h.planOf([h.step('a'), h.step('b')]));
    if (first.startsWith('step')) driver.endAttempt(context.sent[1]!, 1, h.failure(false));
    else if (first.startsWith('command')) driver.applyFromInbox(row(driver, 'c'), cancel('c'));
    else if (first.startsWith('run.t')) driver.apply({ type: 'timeOut' });
    else driver.apply({ type: 'quarantine', code: 'x', message: 'x' });
    await context.commitAll();
    const recorded = h.types(context.committed);
    expect(recorded.indexOf('attempt.started a')).toBe(1);
    expect(recorded.indexOf(first)).toBeGreaterThan(1);
    expect(h.snapshot(h.fold(driver.state.plan, driver.info.id, context.committed))).toBe(
      h.snapshot(driver.state),
    );
    driver.discard();
  });
});

describe('the end of a run', () => {
  test('is reported by the entry that holds it, not by the starts recorded before it', async () => {
    const context = new h.FakeContext();
    const driver = await h.startedDriver(context, h.planOf([h.step('a'), h.step('b')]));
    driver.applyFromInbox(row(driver, 'c'), cancel('c'));
    expect(context.appends.map(({ entry }) => [h.types(entry.events)[0], entry.done])).toEqual([
      ['attempt.started a', false],
      ['attempt.started b', false],
      ['command.applied', true],
    ]);
    await context.appends[0]!.commit();
    await context.appends[0]!.commit();
    expect(context.done).toEqual([]);
    await context.appends[0]!.commit();
    expect(context.done).toEqual([driver]);
    expect(h.types(context.reported).slice(-3)).toEqual([
      'command.applied',
      'run.cancelling',
      'run.cancelled',
    ]);
    expect(context.aborted).toEqual(context.sent);
  });

  test('a command refused behind the end is reported too', async () => {
    const context = new h.FakeContext();
    const driver = await h.startedDriver(context, h.planOf([h.step('a')]));
    driver.endAttempt(context.sent[0]!, 1, h.success);
    driver.applyFromInbox(row(driver, 'c'), cancel('c'));
    await context.commitAll();
    expect(h.types(context.reported)).toEqual([
      'run.created',
      'step.completed a',
      'run.completed',
      'command.refused',
    ]);
    expect(context.done).toEqual([driver]);
  });
});

describe('commands', () => {
  test('one that is read again is answered once: before its commit, after it, and by the next owner', async () => {
    const context = new h.FakeContext();
    const plan = h.planOf([h.step('a')], hooks);
    const driver = await h.startedDriver(context, plan);
    driver.applyFromInbox(row(driver, 'c'), cancel('c'));
    driver.applyFromInbox(row(driver, 'c'), cancel('c'));
    expect(context.appends.flatMap(({ entry }) => entry.consumed ?? [])).toEqual(['c']);
    await context.commitAll();
    // A look at the inbox from before that commit.
    driver.applyFromInbox(row(driver, 'c'), cancel('c'));
    expect(context.appends).toEqual([]);
    const next = h.newDriver(context, plan, driver.runUuid);
    next.resume(context.committed.map((event, index) => ({ seq: index + 1, event })));
    next.applyFromInbox(row(driver, 'c'), cancel('c'));
    await context.commitAll();
    expect(h.types(context.committed).filter((type) => type.startsWith('command'))).toEqual([
      'command.applied',
    ]);
    driver.discard();
    next.discard();
  });
});

test('a refused append discards the driver and is told once', async () => {
  const context = new h.FakeContext();
  const driver = await h.startedDriver(
    context,
    h.planOf([h.step('a'), h.step('b'), h.step('c', { dependsOn: ['a'] })]),
  );
  driver.endAttempt(context.sent[0]!, 1, h.success);
  driver.endAttempt(context.sent[1]!, 1, h.failure(true));
  await context.appends[0]!.refuse(new StoreError('stale_run', 'test'));
  await context.appends[0]!.refuse(new StoreError('stale_run', 'test'));
  expect(context.failures).toHaveLength(1);
  expect(driver.isDiscarded).toBe(true);
  expect(context.sent).toHaveLength(2);
  expect([context.timers.size, context.queue.size]).toEqual([0, 0]);
});

test('taking over: open attempts are lost and sent again, back-off goes on', async () => {
  const context = new h.FakeContext();
  const plan = h.planOf([h.step('a'), h.step('b')]);
  const first = await h.startedDriver(context, plan);
  context.lazyStarts.recordNow(context.sent[0]!);
  first.endAttempt(context.sent[1]!, 1, h.failure(true));
  await context.commitAll();
  const journal = context.committed.map((event, index) => ({ seq: index + 1, event }));
  first.discard();
  const second = h.newDriver(context, plan, first.runUuid);
  expect(second.resume(journal)).toBe(true);
  expect(context.sent).toHaveLength(2);
  await context.commitAll();
  expect(h.types(context.committed).at(-1)).toBe('attempt.lost a');
  expect(context.sent.slice(2).map(({ attempts, spent }) => [attempts, spent])).toEqual([[2, 1]]);
  context.clock.ms += 1000;
  context.timers.tick();
  expect(context.sent).toHaveLength(4);
  second.discard();
});

describe('any interleaving of answers, timers, commits and failures', () => {
  const kinds = [
    'commit',
    'commit',
    'commit',
    'succeed',
    'succeed',
    'retry',
    'fail',
    'lose',
    'record',
    'wait',
    'cancel',
    'timeOut',
    'refuse',
  ] as const;
  const actions = fc.array(fc.record({ kind: fc.constantFrom(...kinds), pick: fc.nat(20) }), {
    maxLength: 80,
    size: 'max',
  });
  const shapes = fc.array(
    fc.record({
      dependencies: fc.array(fc.nat(), { maxLength: 2 }),
      parallel: fc.boolean(),
      compensated: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  );

  test('what committed folds to the state in memory, and the run ends once', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.boolean(), fc.boolean(), actions, async (shape, saga, hasHooks, list) => {
        const steps = shape.map(({ dependencies, parallel, compensated }, index) =>
          h.step(`s${index}`, {
            parallel,
            dependsOn: index === 0 ? [] : [...new Set(dependencies.map((pick) => `s${pick % index}`))],
            compensation: compensated ? 'https://a.test/undo' : undefined,
          }),
        );
        const plan = h.planOf(steps, { saga, ...(hasHooks ? hooks : {}) });
        const context = new h.FakeContext();
        let driver = await h.startedDriver(context, plan);
        const reload = () => {
          // Later appends of a discarded driver fail as well.
          context.appends.length = 0;
          driver = h.newDriver(context, plan, driver.runUuid);
          driver.resume(context.committed.map((event, index) => ({ seq: index + 1, event })));
        };
        const open = () =>
          [...new Set(context.sent)].filter((delivery) => delivery.open && isOf(driver, delivery));
        let commands = 0;
        for (const { kind, pick } of list) {
          if (context.done.length > 0) break;
          const deliveries = open();
          const delivery = deliveries[pick % Math.max(deliveries.length, 1)];
          if (kind === 'commit') await context.appends[0]?.commit();
          else if (kind === 'wait') {
            context.clock.ms += pick * 100;
            context.timers.tick();
          } else if (kind === 'cancel' && pick === 0) {
            const id = `c${commands++}`;
            driver.applyFromInbox(row(driver, id), cancel(id));
          } else if (kind === 'timeOut' && pick === 0) driver.apply({ type: 'timeOut' });
          else if (kind === 'refuse' && pick < 3 && context.appends[0]) {
            await context.appends[0].refuse(new StoreError('stale_run', 'test'));
            reload();
          } else if (delivery) {
            if (kind === 'succeed') driver.endAttempt(delivery, delivery.attempts, h.success);
            if (kind === 'retry') driver.endAttempt(delivery, delivery.attempts, h.failure(true));
            if (kind === 'fail' && pick < 5) driver.endAttempt(delivery, delivery.attempts, h.failure(false));
            if (kind === 'lose') driver.endAttempt(delivery, delivery.attempts, 'lost');
            if (kind === 'record') context.lazyStarts.recordNow(delivery);
          }
        }
        for (let round = 0; context.done.length === 0; round++) {
          expect(round).toBeLessThan(500);
          await context.commitAll();
          for (const delivery of open()) driver.endAttempt(delivery, delivery.attempts, h.success);
          context.clock.ms += 60_000;
          context.timers.tick();
          await context.commitAll();
        }
        expect(h.snapshot(h.fold(plan, driver.info.id, context.committed))).toBe(h.snapshot(driver.state));
        expect(driver.state.phase).toBe('done');
        expect(context.done).toEqual([driver]);
        expect(context.reported).toEqual(context.committed);
        context.lazyStarts.clear();
        context.timers.clear();
      }),
      { numRuns: 1000 },
    );
  });
});

function isOf(
  driver: {
    state: { steps: readonly { delivery: unknown; compensation: unknown }[]; hooks: readonly unknown[] };
  },
  delivery: unknown,
) {
  const { steps, hooks } = driver.state;
  return (
    hooks.includes(delivery) ||
    steps.some((step) => step.delivery === delivery || step.compensation === delivery)
  );
}

describe('our own code that throws', () => {
  const boom = new Error('boom');

  test('when an effect is let out tells of its run, and of nothing else', async () => {
    const context = new h.FakeContext();
    context.crash = boom;
    const driver = h.newDriver(context, h.planOf([h.step('a')]));
    const created = driver.create(h.newRun({ createdAtMs: context.clock.now() }));
    await context.commitAll();
    await created;
    expect([context.crashes, context.failures]).toEqual([[boom], []]);
    expect(driver.isDiscarded).toBe(true);
  });

  test('in a timer that sends again', async () => {
    const context = new h.FakeContext();
    const driver = await h.startedDriver(context, h.planOf([h.step('a')]));
    driver.endAttempt(context.sent[0]!, 1, h.failure(true));
    await context.commitAll();
    context.crash = boom;
    context.clock.ms += 1000;
    context.timers.tick();
    expect(context.crashes).toEqual([boom]);
  });

  test('in a timer that ends the run or a delay', async () => {
    const context = new h.FakeContext();
    for (const steps of [[h.step('a')], [h.step('a', { delay: 5 })]]) {
      const driver = await h.startedDriver(context, h.planOf(steps, { timeout: 60 }));
      Object.assign(driver.state, { laneQueue: null });
      Object.assign(driver.state.plan, { indexById: null });
      context.clock.ms += 60_000;
      context.timers.tick();
    }
    expect(context.crashes).toHaveLength(2);
  });

  test('in one of several deliveries at once: the others of that run are not sent either', async () => {
    const context = new h.FakeContext();
    context.isOpen = false;
    const driver = await h.startedDriver(context, h.planOf([h.step('a'), h.step('b')]));
    context.crash = boom;
    context.isOpen = true;
    context.queue.pump();
    expect(context.crashes).toEqual([boom]);
    expect(context.queue.size).toBe(0);
    driver.discard();
  });
});

describe('quarantine', () => {
  const reason = { code: 'run_refused', message: 'no' };
  const created = { type: 'run.created', at: 1, started: true } as const;
  const attempt = { delivery: 'step', step: 'a', attempt: 1 } as const;
  const completed = { type: 'step.completed', at: 2, ...attempt, startedAt: 1, result: '1' } as const;
  const rows = (...events: readonly RunEvent[]) => events.map((event, index) => ({ seq: index + 1, event }));

  test('of a run that is loaded comes before all that it would send', async () => {
    const context = new h.FakeContext();
    const plan = h.planOf([h.step('a'), h.step('b', { dependsOn: ['a'] })], hooks);
    const driver = h.newDriver(context, plan);
    expect(driver.resume(rows(created, completed), reason)).toBe(true);
    await context.commitAll();
    expect(context.sent.map((delivery) => delivery.kind)).toEqual(['hook']);
    expect(h.types(context.committed)).toEqual(['run.quarantined']);
    driver.discard();
  });

  test.each([
    ['not sent yet', []],
    ['in flight with another owner', [{ type: 'attempt.started', at: 4, delivery: 'hook', attempt: 1 }]],
  ] as const)('of one that has ended ends its hook, %s', async (_, more) => {
    const context = new h.FakeContext();
    const driver = h.newDriver(context, h.planOf([h.step('a')], hooks));
    const events = [created, completed, { type: 'run.completed', at: 3 } as const, ...more];
    expect(driver.resume(rows(...events), reason)).toBe(true);
    await context.commitAll();
    expect(context.committed.at(-1)).toMatchObject({ type: 'hook.failed', attempt: 1, error: reason });
    expect([context.sent, context.done]).toEqual([[], [driver]]);
  });
});

describe('a retry by hand', () => {
  const retry = (driver: { runUuid: string }) =>
    [row(driver, 'r'), { type: 'retry', commandId: 'r' }] as const;

  /** Its only step has failed for good, and its hook is with its handler. */
  async function failedDriver(context: h.FakeContext) {
    const driver = await h.startedDriver(context, h.planOf([h.step('a')], hooks));
    driver.endAttempt(context.sent[0]!, 1, h.failure(false));
    await context.commitAll();
    expect(context.sent.map(({ kind }) => kind)).toEqual(['step', 'hook']);
    return driver;
  }

  test('leaves a hook under way to end beside the new round, in a journal that folds', async () => {
    const context = new h.FakeContext();
    const driver = await failedDriver(context);
    driver.applyFromInbox(...retry(driver));
    // Longer than starts are kept back for.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await context.commitAll();
    driver.endAttempt(context.sent[1]!, 1, h.success);
    driver.endAttempt(context.sent[2]!, 2, h.success);
    await context.commitAll();
    driver.endAttempt(context.sent[3]!, 1, h.success);
    await context.commitAll();
    expect(h.types(context.committed).slice(1)).toEqual([
      ...['step.failed a', 'run.failed', 'attempt.started', 'command.applied', 'run.reopened'],
      ...['hook.delivered', 'step.completed a', 'run.completed', 'hook.delivered'],
    ]);
    const folded = h.fold(driver.state.plan, driver.info.id, context.committed);
    expect(h.snapshot(folded)).toBe(h.snapshot(driver.state));
  });

  test('that comes behind the end of the run is left for whoever loads it next', async () => {
    const context = new h.FakeContext();
    const driver = await failedDriver(context);
    driver.endAttempt(context.sent[1]!, 1, h.success);
    driver.applyFromInbox(...retry(driver));
    await context.commitAll();
    expect(h.types(context.committed).at(-1)).toBe('hook.delivered');
    expect(context.done).toEqual([driver]);
  });
});
