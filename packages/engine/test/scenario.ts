import { expect } from 'vitest';
import type { Outcome, StepDefinition, WorkflowDefinition } from '../src/index.ts';
import { planOf, step, success } from './definitions.ts';
import { Driver } from './driver.ts';

export const undo = 'https://handlers.test/undo';
export const onError = 'https://handlers.test/error';
/** Retries of a step whose first failure is final. */
export const once = { ...step('x').retries, maxAttempts: 1 };

export function started(steps: StepDefinition[], fields: Partial<WorkflowDefinition> = {}): Driver {
  const driver = new Driver(planOf(steps, fields));
  driver.apply({ type: 'start' });
  return driver;
}

export function send(driver: Driver, name: string): void {
  expect(driver.send(driver.delivery(name))).toBeNull();
}

export function exchange(driver: Driver, name: string, outcome: Outcome = success): void {
  send(driver, name);
  expect(driver.end(driver.delivery(name), outcome)).toBeNull();
}

/** `state reason` of every step. */
export const statesOf = (driver: Driver) =>
  driver.state.steps.map(({ state, reason }) => (reason ? `${state} ${reason}` : state));
