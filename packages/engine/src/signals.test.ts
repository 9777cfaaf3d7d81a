import { expect, test } from 'vitest';
import { planOf, step } from '../test/definitions.ts';
import { Driver } from '../test/driver.ts';
import { statesOf } from '../test/scenario.ts';

const wait = (id: string, signal: string, fields = {}) =>
  step(id, { url: undefined, waitFor: { signal }, ...fields });

function started(...steps: Parameters<typeof planOf>[0]): Driver {
  const driver = new Driver(planOf(steps));
  driver.apply({ type: 'start' });
  return driver;
}

const signal = (driver: Driver, name: string, fields = {}) =>
  driver.apply({ type: 'signal', commandId: 'c', name, payload: `"${name}"`, ...fields });

test('a thousand signals are kept; then only those that are waited for are taken', () => {
  const driver = started(wait('a', 'go'), wait('b', 'go'), wait('c', 'stop'));
  for (let count = 0; count < 1000; count++) expect(signal(driver, 'other')).toBeNull();
  expect(signal(driver, 'other')).toBe('too_many_signals');
  expect(signal(driver, 'go')).toBeNull();
  expect(signal(driver, 'go', { step: 'b' })).toBeNull();
  expect(signal(driver, 'stop', { step: 'a' })).toBe('step_ended');
  expect(statesOf(driver)).toEqual(['completed', 'completed', 'waiting']);
});

test('a signal for one step is no other step’s, and comes before those for all', () => {
  const driver = started(
    step('before'),
    wait('a', 'go', { dependsOn: ['before'] }),
    wait('b', 'go', { dependsOn: ['a'] }),
  );
  signal(driver, 'go', { payload: '1' });
  signal(driver, 'go', { payload: '2', step: 'b' });
  signal(driver, 'go', { payload: '3', step: 'a' });
  driver.runToEnd(() => ({ kind: 'success', result: 'null' }));
  expect(driver.state.steps.map(({ result }) => result)).toEqual(['null', '3', '2']);
  expect(signal(driver, 'go')).toBe('run_ended');
});

test('what waits for no signal, or is not there, takes none', () => {
  const driver = started(step('a'));
  expect(signal(driver, 'go', { step: 'a' })).toBe('unknown_step');
  expect(signal(driver, 'go', { step: 'nobody' })).toBe('unknown_step');
});
