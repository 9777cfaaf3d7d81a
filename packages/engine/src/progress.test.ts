import { describe, expect, test } from 'vitest';
import { permanent, step, success, transient } from '../test/definitions.ts';
import { exchange, once, onError, send, started, undo } from '../test/scenario.ts';
import type { Outcome } from './commands.ts';
import { attemptTimeoutMs } from './retry.ts';

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

  test('a step that an answer adds takes a free lane before what the end of that answer makes ready', () => {
    const driver = started([
      step('a', { parallel: true }),
      step('b', { parallel: true }),
      step('c', { dependsOn: ['b'] }),
    ]);
    exchange(driver, 'a');
    exchange(driver, 'b', { ...success, addSteps: [step('added', { dependsOn: ['a'] })] });
    expect(driver.dueNames()).toEqual(['added']);
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

  describe('giveUpAfter ends a step', () => {
    const impatient = { retries: { ...step('a').retries, maxAttempts: 9, giveUpAfter: 2.5 }, timeout: 60 };

    test('whose next attempt comes too late, with its last error', () => {
      const driver = started([step('a', impatient)]);
      exchange(driver, 'a', transient);
      driver.now += 2500;
      send(driver, 'a');
      expect(driver.state.steps[0]).toMatchObject({ state: 'failed', error: { code: 'http_status' } });
      expect(driver.eventsOf('step.given_up')).toEqual(['a']);
      expect(driver.delivery('a').attempts).toBe(1);
    });

    test('that a pause holds back: its time runs on', () => {
      const driver = started([step('a', impatient)]);
      exchange(driver, 'a', transient);
      driver.apply({ type: 'pause', commandId: 'c' });
      expect(driver.send(driver.delivery('a'))).toBe('delivery_not_due');
      driver.now += 2500;
      expect(driver.send(driver.delivery('a'))).toBe(null);
      expect(driver.state.steps[0]).toMatchObject({ state: 'failed', error: { code: 'http_status' } });
      expect(driver.state.state).toBe('failed');
    });

    test('that waits for a callback, heartbeats or not', () => {
      const driver = started([step('a', impatient)]);
      send(driver, 'a');
      const { attemptStartedAt: from } = driver.delivery('a');
      driver.end(driver.delivery('a'), { kind: 'pending' });
      expect(driver.delivery('a').pendingUntil).toBe(from + 2500);
      const heartbeat = { kind: 'heartbeat' } as const;
      const named = { commandId: 'c', step: 'a', round: 0, attempt: 1 };
      expect(driver.apply({ type: 'callback', ...named, outcome: heartbeat })).toBe(null);
      expect(driver.delivery('a').pendingUntil).toBe(from + 2500);
    });

    test.each([
      [
        { ...impatient.retries, giveUpAfter: 2.5 },
        'no callback came within giveUpAfter, 2.5 s from the first attempt',
      ],
      [{ ...impatient.retries, giveUpAfter: 90 }, 'no callback came within the timeout of the step'],
    ])('whose callback does not come, and says why: %#', (retries, message) => {
      const driver = started([step('a', { ...impatient, retries })]);
      send(driver, 'a');
      driver.end(driver.delivery('a'), { kind: 'pending' });
      driver.now = driver.delivery('a').pendingUntil!;
      expect(driver.apply({ type: 'expireAttempt', step: 'a', attempt: 1 })).toBe(null);
      expect(driver.delivery('a').error).toMatchObject({ code: 'timeout', message });
    });

    test('whose attempt is under way: that may take what is left', () => {
      const driver = started([step('a', impatient)]);
      send(driver, 'a');
      expect(attemptTimeoutMs(driver.plan.steps[0]!, driver.delivery('a'))).toBe(2500);
      driver.end(driver.delivery('a'), transient);
      driver.now += 1000;
      send(driver, 'a');
      expect(attemptTimeoutMs(driver.plan.steps[0]!, driver.delivery('a'))).toBeLessThanOrEqual(1500);
    });
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

  test('also one that has sent a heartbeat: its answer was to come over that connection', () => {
    const driver = started([step('a', { retries: once })]);
    const heartbeat = () => {
      const named = { commandId: 'c', step: 'a', round: 0, attempt: driver.delivery('a').attempts };
      return driver.apply({ type: 'callback', ...named, outcome: { kind: 'heartbeat' } });
    };
    send(driver, 'a');
    heartbeat();
    driver.takeOver();
    expect(driver.dueNames()).toEqual(['a']);
    expect(driver.delivery('a')).toMatchObject({ attempts: 1, spent: 0, error: { code: 'attempt_lost' } });
    // One that waits for its callback is not.
    send(driver, 'a');
    driver.end(driver.delivery('a'), { kind: 'pending' });
    heartbeat();
    driver.takeOver();
    expect([driver.dueNames(), driver.delivery('a').open]).toEqual([[], true]);
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
