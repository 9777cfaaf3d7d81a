import { describe, expect, test } from 'vitest';
import { permanent, step, success, transient } from '../test/definitions.ts';
import { fold, snapshot } from '../test/driver.ts';
import { exchange, once, onError, send, started, undo } from '../test/scenario.ts';
import { evolve } from './evolve.ts';
import { asItEnded } from './round-end.ts';

const onComplete = 'https://handlers.test/done';

/** Its second step has failed for good; its hook is owed. */
function failed() {
  const steps = [step('a', { compensation: undo }), step('b', { dependsOn: ['a'], retries: once })];
  const driver = started(steps, { onComplete, onError });
  exchange(driver, 'a');
  exchange(driver, 'b', permanent);
  return driver;
}

type Driver = ReturnType<typeof failed>;
const retry = (driver: Driver) => driver.apply({ type: 'retry', commandId: 'c' });
const resend = (driver: Driver, hook: 'onComplete' | 'onError') =>
  driver.apply({ type: 'resendHook', commandId: 'c', hook });
const hooksOf = ({ state }: Driver) => state.hooks.map(({ name, state }) => `${name} ${state}`);
const statesIn = ({ steps }: Pick<Driver['state'], 'steps'>) => steps.map(({ state }) => state);

describe('a retry by hand before the hook was accepted', () => {
  test('leaves the hook owed, beside the new round, and the run is done with the last of them', () => {
    const driver = failed();
    exchange(driver, 'hook', transient);
    expect(retry(driver)).toBeNull();
    expect(driver.state).toMatchObject({ state: 'running', phase: 'running' });
    expect(driver.dueNames()).toEqual(['b', 'hook']);
    const [first] = driver.state.hooks;
    send(driver, 'hook');
    exchange(driver, 'b');
    expect(driver.state).toMatchObject({ state: 'completed', phase: 'hooks' });
    exchange(driver, 'hook');
    expect([driver.state.phase, hooksOf(driver)]).toEqual([
      'hooks',
      ['onError open', 'onComplete completed'],
    ]);
    driver.end(first!, success);
    expect([driver.state.phase, hooksOf(driver)]).toEqual([
      'done',
      ['onError completed', 'onComplete completed'],
    ]);
    expect(snapshot(fold(driver.plan, driver.journal))).toBe(snapshot(driver.state));
  });

  test('lets the hook tell how its own round ended', () => {
    const driver = failed();
    const { error, completedAt } = driver.state;
    retry(driver);
    exchange(driver, 'b');
    const [first, second] = driver.state.hooks;
    const before = asItEnded(driver.state, first!);
    expect(before).toMatchObject({ state: 'failed', error, completedAt });
    expect(statesIn(before)).toEqual(['completed', 'failed']);
    expect(before.steps.map(({ result }) => result)).toEqual(['{"ok":true}', null]);
    expect(asItEnded(driver.state, second!)).toBe(driver.state);
    expect(driver.state).toMatchObject({ state: 'completed', error: null });
  });

  test('is taken over with it: an exchange of either round is lost and sent again', () => {
    const driver = failed();
    send(driver, 'hook');
    retry(driver);
    send(driver, 'b');
    driver.takeOver();
    expect(driver.dueNames()).toEqual(['b', 'hook']);
    driver.runToEnd(() => success);
    expect(driver.state).toMatchObject({ state: 'completed', phase: 'done' });
    expect(driver.state.hooks.map(({ attempts }) => attempts)).toEqual([2, 1]);
  });

  test('and a quarantine fails it, and leaves the hook of its own end owed', () => {
    const driver = failed();
    send(driver, 'hook');
    retry(driver);
    driver.apply({ type: 'quarantine', code: 'poison', message: 'no' });
    expect([driver.state.phase, hooksOf(driver)]).toEqual(['hooks', ['onError failed', 'onError open']]);
    expect(driver.dueNames()).toEqual(['hook']);
  });

  test('and a quarantine behind the end fails both', () => {
    const driver = failed();
    retry(driver);
    exchange(driver, 'b');
    driver.apply({ type: 'quarantine', code: 'poison', message: 'no' });
    expect([driver.state.phase, hooksOf(driver)]).toEqual(['done', ['onError failed', 'onComplete failed']]);
  });
});

describe('a hook that nobody accepted', () => {
  test('can be sent again in a later round, of several the newest', () => {
    const driver = failed();
    for (const outcome of [permanent, permanent]) {
      exchange(driver, 'hook', outcome);
      retry(driver);
      if (driver.state.hooks.length === 1) exchange(driver, 'b', permanent);
    }
    expect(driver.state).toMatchObject({
      state: 'running',
      hooks: [{ state: 'failed' }, { state: 'failed' }],
    });
    expect(resend(driver, 'onError')).toBeNull();
    expect(hooksOf(driver)).toEqual(['onError failed', 'onError open']);
    expect(resend(driver, 'onError')).toBe('hook_not_failed');
    exchange(driver, 'hook');
    expect(resend(driver, 'onError')).toBeNull();
    expect(hooksOf(driver)).toEqual(['onError open', 'onError completed']);
    driver.runToEnd(() => success);
    expect([driver.state.phase, resend(driver, 'onError'), resend(driver, 'onComplete')]).toEqual([
      'done',
      'hook_not_failed',
      'hook_not_failed',
    ]);
  });

  test('is sent again behind the end, and the run is done once more', () => {
    const driver = failed();
    exchange(driver, 'hook', permanent);
    retry(driver);
    driver.runToEnd(() => success);
    expect(resend(driver, 'onError')).toBeNull();
    expect(driver.state).toMatchObject({ state: 'completed', phase: 'hooks' });
    driver.runToEnd(() => success);
    expect([driver.state.phase, hooksOf(driver)]).toEqual([
      'done',
      ['onError completed', 'onComplete completed'],
    ]);
  });
});

test('a journal from before hooks and pauses outlasted a retry folds as it was meant; its hook can be sent again', () => {
  const driver = failed();
  driver.apply({ type: 'pause', commandId: 'c' });
  evolve(driver.state, { type: 'run.reopened', at: driver.now });
  driver.due.clear();
  expect(driver.state).toMatchObject({ state: 'running', isPaused: false });
  expect([hooksOf(driver), driver.state.hooks[0]!.error?.code]).toEqual([['onError failed'], 'superseded']);
  expect(resend(driver, 'onError')).toBeNull();
});

test('a retry of a paused run leaves it paused: nothing is sent before it is resumed', () => {
  const driver = started([step('a', { retries: once })], { onError });
  send(driver, 'a');
  driver.apply({ type: 'pause', commandId: 'c' });
  driver.end(driver.delivery('a'), permanent);
  driver.due.clear();
  expect(retry(driver)).toBeNull();
  expect(driver.state).toMatchObject({ state: 'running', isPaused: true });
  expect(driver.send(driver.delivery('a'))).toBe('delivery_not_due');
  driver.apply({ type: 'resume', commandId: 'c' });
  expect(driver.dueNames()).toEqual(['a', 'hook']);
});
