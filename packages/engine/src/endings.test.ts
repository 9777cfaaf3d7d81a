import { describe, expect, test } from 'vitest';
import { permanent, planOf, step, success, transient } from '../test/definitions.ts';
import { Driver, fold, snapshot } from '../test/driver.ts';
import { Invariants } from '../test/invariants.ts';
import { exchange, once, onError, send, started, statesOf, undo } from '../test/scenario.ts';
import { evolve } from './evolve.ts';
import { dueDeliveries, isSendable } from './index.ts';
import { createRunState } from './state.ts';

describe('the first final failure', () => {
  test('drains: what is open ends, back-off ends with its last error, the rest is skipped with a reason', () => {
    const parallel = { parallel: true };
    const driver = started([
      step('open', parallel),
      step('backoff', parallel),
      step('bad', { ...parallel, retries: once }),
      step('below', { ...parallel, dependsOn: ['bad'] }),
      step('deeper', { ...parallel, dependsOn: ['below'] }),
      step('beside', { ...parallel, dependsOn: ['open'] }),
    ]);
    send(driver, 'open');
    exchange(driver, 'backoff', transient);
    exchange(driver, 'bad', transient);
    expect(driver.state).toMatchObject({ state: 'running', phase: 'draining' });
    expect(driver.dueNames()).toEqual([]);
    driver.end(driver.delivery('open'), success);
    const below = 'skipped upstream_failed';
    expect(statesOf(driver)).toEqual(['completed', 'failed', 'failed', below, below, 'skipped run_failed']);
    expect(driver.state.steps[1]?.error?.code).toBe('http_status');
    expect(driver.state).toMatchObject({ state: 'failed', phase: 'done' });
  });

  test('steps added on its failure path that it cuts off count once each: the run waits for the others', () => {
    const always = { parallel: true, runCondition: 'always' } as const;
    const driver = started([
      step('bad', { parallel: true, retries: once }),
      step('one', { ...always, dependsOn: ['bad'] }),
      step('two', { ...always, dependsOn: ['bad'] }),
    ]);
    exchange(driver, 'bad', transient);
    send(driver, 'two');
    const first = step('first', { dependsOn: ['bad'], parallel: true });
    const addSteps = [first, step('second', { dependsOn: ['first'], parallel: true })];
    exchange(driver, 'one', { ...success, addSteps });
    expect(driver.state.phase).toBe('draining');
    driver.end(driver.delivery('two'), success);
    expect(statesOf(driver).slice(1)).toEqual([
      ...['completed', 'completed', 'skipped run_failed', 'skipped upstream_failed'],
    ]);
    expect(driver.state).toMatchObject({ state: 'failed', phase: 'done' });
  });

  test('an open sibling that fails while draining is not tried again', () => {
    const driver = started([step('a', { parallel: true }), step('b', { parallel: true })]);
    send(driver, 'a');
    exchange(driver, 'b', permanent);
    driver.end(driver.delivery('a'), transient);
    expect(statesOf(driver)).toEqual(['failed', 'failed']);
    expect(driver.state.error?.stepId).toBe('b');
  });
});

describe('timeout and cancel', () => {
  const steps = [
    step('open', { parallel: true }),
    step('unsent', { parallel: true }),
    step('later', { dependsOn: ['open'] }),
  ];

  test('a run timeout fails what is open, cancels the rest, and reports onError', () => {
    const driver = started(steps, { onError, timeout: 2 });
    send(driver, 'open');
    expect(driver.apply({ type: 'timeOut' })).toBeNull();
    expect(statesOf(driver)).toEqual([
      'failed run_timeout',
      'cancelled run_timeout',
      'cancelled run_timeout',
    ]);
    expect(driver.state.steps[0]?.error).toMatchObject({ code: 'run_timeout', outcome: 'unknown' });
    expect(driver.state).toMatchObject({ state: 'failed', phase: 'hooks', error: { code: 'run_timeout' } });
    expect(driver.dueNames()).toEqual(['hook']);
    expect(driver.end(driver.delivery('open'), success)).toBe('attempt_not_open');
  });

  test('a cancel cancels what is open, too', () => {
    const driver = started(steps, { onError });
    send(driver, 'open');
    expect(
      driver.apply({ type: 'cancel', commandId: 'c1', compensate: true, reason: 'changed my mind' }),
    ).toBeNull();
    const cancelled = 'cancelled run_cancelled';
    expect(statesOf(driver)).toEqual([cancelled, cancelled, cancelled]);
    expect(driver.state).toMatchObject({ state: 'cancelled', error: { message: 'changed my mind' } });
    expect(driver.journal.map(({ type }) => type).slice(-3)).toEqual([
      'command.applied',
      'run.cancelling',
      'run.cancelled',
    ]);
    expect(driver.apply({ type: 'cancel', commandId: 'c2', compensate: true })).toBe('run_ended');
  });

  test('a cancel of a run that drains is what it ends by: the failure stands in its details', () => {
    const driver = started([...steps, step('bad', { parallel: true, retries: once })], { onError });
    send(driver, 'open');
    exchange(driver, 'bad', permanent);
    expect(driver.state.phase).toBe('draining');
    driver.apply({ type: 'cancel', commandId: 'c', compensate: true, reason: 'changed my mind' });
    expect(statesOf(driver)).toEqual([
      ...['cancelled run_cancelled', 'skipped run_failed', 'skipped run_failed', 'failed'],
    ]);
    expect(driver.state.steps[0]?.error).toMatchObject({ code: 'run_cancelled', outcome: 'unknown' });
    const details = { code: 'step_failed', stepId: 'bad' };
    expect(driver.state).toMatchObject({
      state: 'cancelled',
      error: { code: 'run_cancelled', message: 'changed my mind', details },
    });
  });

  test('a pending run can be cancelled and then never starts', () => {
    const driver = new Driver(planOf(steps));
    driver.apply({ type: 'cancel', commandId: 'c', compensate: true });
    expect(driver.state).toMatchObject({ state: 'cancelled', phase: 'done', startedAt: null });
    expect(driver.apply({ type: 'start' })).toBe('run_not_pending');
  });

  test('from compensating on both are refused', () => {
    const driver = started([step('a', { compensation: undo }), step('b', { dependsOn: ['a'] })], {
      saga: true,
    });
    exchange(driver, 'a');
    exchange(driver, 'b', permanent);
    expect(driver.apply({ type: 'cancel', commandId: 'c', compensate: true })).toBe('run_ending');
    expect(driver.apply({ type: 'timeOut' })).toBe('run_ending');
  });
});

describe('a saga', () => {
  const chain = ['a', 'b', 'c'].map((id, at) =>
    step(id, { compensation: undo, dependsOn: at ? ['abc'[at - 1]!] : [], retries: once }),
  );

  test('undoes what completed, the last one first, and then reports', () => {
    const driver = started(chain, { saga: true, onError });
    driver.runToEnd((name) => (name === 'c' ? permanent : success));
    expect(driver.eventsOf('compensation.completed')).toEqual(['b', 'a']);
    expect(driver.journal.at(-1)?.type).toBe('hook.delivered');
  });

  test('one that never succeeds does not stop the rest', () => {
    const driver = started(chain, { saga: true });
    driver.runToEnd((name) => (name === 'c' || name === 'undo b' ? permanent : success));
    expect(driver.eventsOf('compensation.failed')).toEqual(['b']);
    expect(driver.eventsOf('compensation.completed')).toEqual(['a']);
    expect(driver.state).toMatchObject({ state: 'failed', phase: 'done' });
  });

  test('parallel branches are undone in reverse order of completion, late ones included', () => {
    const fields = { parallel: true, compensation: undo, retries: once };
    const driver = started([step('a', fields), step('b', fields), step('c', fields), step('bad', fields)], {
      saga: true,
    });
    for (const name of ['a', 'b', 'c', 'bad']) send(driver, name);
    driver.end(driver.delivery('c'), success);
    driver.end(driver.delivery('a'), success);
    driver.end(driver.delivery('bad'), permanent);
    driver.end(driver.delivery('b'), success);
    driver.runToEnd(() => success);
    expect(driver.eventsOf('compensation.completed')).toEqual(['b', 'a', 'c']);
  });

  test.each([
    ['a cancel', { type: 'cancel', commandId: 'c', compensate: true } as const, ['a']],
    ['a cancel with compensate: false', { type: 'cancel', commandId: 'c', compensate: false } as const, []],
    ['a timeout', { type: 'timeOut' } as const, ['a']],
  ])('%s', (_, command, undone) => {
    const driver = started(chain, { saga: true });
    exchange(driver, 'a');
    driver.apply(command);
    driver.runToEnd(() => success);
    expect(driver.eventsOf('compensation.completed')).toEqual(undone);
  });

  test('without saga nothing is undone', () => {
    const driver = started(chain);
    driver.runToEnd((name) => (name === 'c' ? permanent : success));
    expect(driver.eventsOf('compensation.completed')).toEqual([]);
    expect(driver.state).toMatchObject({ state: 'failed', phase: 'done' });
  });

  test('a quarantine stops the compensations, the one in flight included', () => {
    const driver = started(chain, { saga: true, onError });
    exchange(driver, 'a');
    exchange(driver, 'b');
    exchange(driver, 'c', permanent);
    send(driver, 'undo b');
    driver.apply({ type: 'quarantine', code: 'poison', message: 'it kills dispatchers' });
    expect(driver.end(driver.delivery('undo b'), success)).toBe('attempt_not_open');
    expect(driver.dueNames()).toEqual(['hook']);
    expect(driver.delivery('undo b')).toMatchObject({
      state: 'failed',
      error: { code: 'poison', outcome: 'unknown' },
    });
    expect(driver.delivery('undo a')).toMatchObject({ state: 'failed', attempts: 0 });
  });

  test('planted: undoing in order of completion is noticed', () => {
    const plan = planOf(chain, { saga: true });
    const driver = new Driver(plan);
    driver.runToEnd((name) => (name === 'c' ? permanent : success));
    const at = driver.journal.findIndex((event) => event.type === 'run.compensating') + 1;
    const [startB, endB, startA, endA] = driver.journal.slice(at);
    const replay = (events: typeof driver.journal) => {
      const invariants = new Invariants(plan);
      for (const event of events) invariants.event(event);
      invariants.finish(driver.state);
    };
    expect(() => replay(driver.journal)).not.toThrow();
    expect(() =>
      replay([
        ...driver.journal.slice(0, at),
        startA!,
        endA!,
        startB!,
        endB!,
        ...driver.journal.slice(at + 4),
      ]),
    ).toThrow('undone a,b; expected b,a');
  });
});

describe('hooks', () => {
  test('one that is never accepted leaves the state of the run alone', () => {
    const driver = started([step('a')], { onComplete: 'https://handlers.test/done', onError });
    driver.runToEnd((name) => (name === 'hook' ? transient : success));
    expect(driver.state).toMatchObject({
      state: 'completed',
      phase: 'done',
      hooks: [{ name: 'onComplete', attempts: 8, state: 'failed' }],
    });
  });

  test('without a URL the run is done at once', () => {
    const driver = started([step('a')]);
    exchange(driver, 'a');
    expect(driver.state).toMatchObject({ state: 'completed', phase: 'done', hooks: [] });
  });
});

describe('folding', () => {
  test('a start and its end fold to what the end alone folds to', () => {
    const driver = started([step('a'), step('b', { dependsOn: ['a'] })]);
    exchange(driver, 'a', transient);
    exchange(driver, 'a');
    driver.runToEnd(() => transient);
    const ends = driver.journal.filter((event) => event.type !== 'attempt.started');
    expect(snapshot(fold(driver.plan, ends))).toBe(snapshot(driver.state));
  });

  test('an unknown event type is refused, not skipped', () => {
    const state = createRunState(planOf([step('a')]), 'run_test');
    expect(() => evolve(state, { type: 'step.teleported', at: 1 } as never)).toThrow('unknown event type');
  });

  test('only the newest compensation left is sendable', () => {
    const pair = [
      step('a', { compensation: undo }),
      step('b', { compensation: undo }),
      step('c', { retries: once }),
    ];
    const driver = started(pair, { saga: true });
    for (const name of ['a', 'b']) exchange(driver, name);
    exchange(driver, 'c', permanent);
    expect(dueDeliveries(driver.state).map((delivery) => driver.nameOf(delivery))).toEqual(['undo b']);
    expect(isSendable(driver.state, driver.delivery('undo a'))).toBe(false);
  });
});
