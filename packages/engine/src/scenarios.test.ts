import { describe, expect, test } from 'vitest';
import { permanent, planOf, step, success, transient } from '../test/definitions.ts';
import { Driver, fold, snapshot } from '../test/driver.ts';
import { Invariants } from '../test/invariants.ts';
import type { Outcome } from './commands.ts';
import { dueDeliveries, isSendable } from './decide.ts';
import type { StepDefinition, WorkflowDefinition } from './definition.ts';
import { evolve } from './evolve.ts';
import { createRunState } from './state.ts';

const undo = 'https://handlers.test/undo';
const onError = 'https://handlers.test/error';
const once = { ...step('x').retries, maxAttempts: 1 };

function started(steps: StepDefinition[], fields: Partial<WorkflowDefinition> = {}): Driver {
  const driver = new Driver(planOf(steps, fields));
  driver.apply({ type: 'start' });
  return driver;
}

function send(driver: Driver, name: string): void {
  expect(driver.send(driver.delivery(name))).toBeNull();
}

function exchange(driver: Driver, name: string, outcome: Outcome = success): void {
  send(driver, name);
  expect(driver.end(driver.delivery(name), outcome)).toBeNull();
}

const statesOf = (driver: Driver) =>
  driver.state.steps.map(({ state, reason }) => (reason ? `${state} ${reason}` : state));

describe('the serial lane', () => {
  test('ready steps go one at a time in definition order, parallel ones beside them', () => {
    const driver = started([
      step('a'),
      step('b'),
      step('p', { parallel: true }),
      step('c', { dependsOn: ['p'] }),
    ]);
    expect(driver.dueNames()).toEqual(['a', 'p']);
    exchange(driver, 'p');
    expect(driver.dueNames()).toEqual(['a']);
    exchange(driver, 'a');
    expect(driver.dueNames()).toEqual(['b']);
    exchange(driver, 'b');
    expect(driver.dueNames()).toEqual(['c']);
  });

  test('a step holds the lane through its back-off', () => {
    const driver = started([step('a'), step('b')]);
    exchange(driver, 'a', transient);
    expect(driver.dueNames()).toEqual(['a']);
    expect(driver.state.steps[1]?.state).toBe('waiting');
  });

  test('the dependents of the step that leaves queue before the lane goes on', () => {
    const driver = started([step('child', { dependsOn: ['root'] }), step('root'), step('other')]);
    exchange(driver, 'root');
    expect(driver.dueNames()).toEqual(['child']);
  });
});

describe('attempts', () => {
  test('maxAttempts counts them all, and each failure but the last has its time', () => {
    const driver = started([step('a')]);
    driver.runToEnd(() => transient);
    const types = driver.journal
      .map((event) => event.type)
      .filter((type) => type.startsWith('attempt') || type.startsWith('step'));
    const [start, fail] = ['attempt.started', 'attempt.failed'];
    expect(types).toEqual([start, fail, start, fail, start, 'step.failed']);
    expect(driver.delivery('a')).toMatchObject({ attempts: 3, state: 'failed' });
  });

  test('a permanent failure is the only attempt', () => {
    const driver = started([step('a')]);
    exchange(driver, 'a', permanent);
    expect(driver.state).toMatchObject({ state: 'failed', error: { code: 'step_failed', stepId: 'a' } });
    expect(driver.delivery('a').attempts).toBe(1);
  });

  test('what a handler asks for wins over a shorter back-off, up to a day', () => {
    const driver = started([step('a')]);
    exchange(driver, 'a', { ...transient, retryAfterMs: 90_000 } as Outcome);
    expect(driver.delivery('a').retryAt).toBe(driver.now + 90_000);
    exchange(driver, 'a', { ...transient, retryAfterMs: 1e12 } as Outcome);
    expect(driver.delivery('a').retryAt).toBe(driver.now + 86_400_000);
  });

  test('giveUpAfter ends the step when the next attempt would be past it', () => {
    const driver = started([
      step('a', { retries: { ...step('a').retries, maxAttempts: 9, giveUpAfter: 2.5 } }),
    ]);
    exchange(driver, 'a', transient);
    driver.now += 1000;
    exchange(driver, 'a', transient);
    expect(driver.state.steps[0]?.state).toBe('running');
    driver.now += 1000;
    exchange(driver, 'a', transient);
    expect(driver.state.steps[0]?.state).toBe('failed');
  });

  test('an answer to an attempt that is not open changes nothing', () => {
    const driver = started([step('a')]);
    exchange(driver, 'a', transient);
    expect(driver.end(driver.delivery('a'), success)).toBe('attempt_not_open');
    send(driver, 'a');
    const late = { type: 'endAttempt', delivery: 'step', step: 'a', attempt: 1, outcome: success } as const;
    expect(driver.apply(late)).toBe('attempt_not_open');
    expect(driver.send(driver.delivery('a'))).toBe('delivery_not_due');
  });
});

describe('a takeover', () => {
  test('closes open attempts as lost, sends them again, and does not count them', () => {
    const driver = started([step('a', { retries: once })]);
    for (let round = 0; round < 3; round++) {
      send(driver, 'a');
      driver.takeOver();
      expect(driver.dueNames()).toEqual(['a']);
    }
    expect(driver.delivery('a')).toMatchObject({ attempts: 3, spent: 0, error: { code: 'attempt_lost' } });
    exchange(driver, 'a');
    expect(driver.state).toMatchObject({ state: 'completed', phase: 'done' });
    expect(driver.delivery('a')).toMatchObject({ attempts: 4, error: null });
  });

  test('one exchange given up is sent again at once, the others go on', () => {
    const driver = started([
      step('a', { parallel: true, retries: once }),
      step('b', { parallel: true, retries: once }),
    ]);
    send(driver, 'a');
    send(driver, 'b');
    expect(driver.lose(driver.delivery('a'))).toBeNull();
    expect(driver.lose(driver.delivery('a'))).toBe('attempt_not_open');
    expect(driver.dueNames()).toEqual(['a']);
    expect(driver.delivery('a')).toMatchObject({ attempts: 1, spent: 0, retryAt: null });
    expect(driver.delivery('b').open).toBe(true);
  });

  test('while the run drains a lost attempt is the last one', () => {
    const driver = started([step('a', { parallel: true }), step('b', { parallel: true, retries: once })]);
    send(driver, 'a');
    exchange(driver, 'b', transient);
    driver.takeOver();
    expect(driver.state).toMatchObject({ state: 'failed', phase: 'done' });
    expect(driver.state.steps[0]).toMatchObject({
      state: 'failed',
      error: { code: 'attempt_lost', outcome: 'unknown' },
    });
  });

  test('a step that was lost and not sent again when the run failed says so', () => {
    const driver = started([step('a', { parallel: true }), step('b', { parallel: true, retries: once })]);
    send(driver, 'a');
    driver.takeOver();
    exchange(driver, 'b', transient);
    expect(driver.state.steps[0]).toMatchObject({
      state: 'failed',
      error: { code: 'attempt_lost', outcome: 'unknown' },
    });
  });

  test('compensations and hooks go on', () => {
    const driver = started(
      [step('a', { compensation: undo }), step('b', { dependsOn: ['a'], retries: once })],
      { saga: true, onError },
    );
    exchange(driver, 'a');
    exchange(driver, 'b', transient);
    send(driver, 'undo a');
    driver.takeOver();
    expect(driver.dueNames()).toEqual(['undo a']);
    exchange(driver, 'undo a');
    send(driver, 'hook');
    driver.takeOver();
    expect(driver.dueNames()).toEqual(['hook']);
  });
});

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
      hook: { name: 'onComplete', attempts: 8, state: 'failed' },
    });
  });

  test('without a URL the run is done at once', () => {
    const driver = started([step('a')]);
    exchange(driver, 'a');
    expect(driver.state).toMatchObject({ state: 'completed', phase: 'done', hook: null });
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
