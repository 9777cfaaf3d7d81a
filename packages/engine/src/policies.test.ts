import { describe, expect, test } from 'vitest';
import { permanent, planOf, step, success, transient } from '../test/definitions.ts';
import { Driver } from '../test/driver.ts';
import { exchange, once, send, started, statesOf, undo } from '../test/scenario.ts';
import { copiesOf } from './copy.ts';
import type { StepDefinition } from './definition.ts';

const parallel = { parallel: true };
const cancel = { type: 'cancel', commandId: 'c', compensate: true } as const;

/** A step in no lane whose first failure is final. */
const quick = (id: string, fields: Partial<StepDefinition> = {}) =>
  step(id, { ...parallel, retries: once, ...fields });

describe('policy fail', () => {
  test('cut off, drain, failure path, compensations in reverse, the failure path included', () => {
    const driver = started(
      [
        quick('a', { compensation: undo }),
        quick('open', { compensation: undo }),
        quick('bad'),
        quick('cleanup', { dependsOn: ['bad'], runCondition: 'onFailure', compensation: undo }),
        quick('after', { dependsOn: ['cleanup'], compensation: undo }),
        quick('beside', { dependsOn: ['open'] }),
        quick('below', { dependsOn: ['bad', 'cleanup'] }),
        quick('first', { dependsOn: ['bad', 'open'], join: 1 }),
      ],
      { saga: true },
    );
    exchange(driver, 'a');
    send(driver, 'open');
    exchange(driver, 'bad', permanent);
    expect(driver.dueNames()).toEqual([]);
    driver.end(driver.delivery('open'), success);
    expect(driver.dueNames()).toEqual(['cleanup']);
    driver.runToEnd(() => success);
    expect(statesOf(driver).slice(3)).toEqual([
      'completed',
      'completed',
      'skipped run_failed',
      'skipped upstream_failed',
      'skipped upstream_failed',
    ]);
    expect(driver.eventsOf('compensation.completed')).toEqual(['after', 'cleanup', 'open', 'a']);
  });

  test('a step of the failure path has its own attempts, and its failure changes nothing', () => {
    const driver = started([
      quick('bad'),
      step('cleanup', { dependsOn: ['bad'], runCondition: 'always' }),
      quick('after', { dependsOn: ['cleanup'] }),
    ]);
    exchange(driver, 'bad', permanent);
    driver.runToEnd(() => transient);
    expect(driver.delivery('cleanup').attempts).toBe(3);
    expect(statesOf(driver)).toEqual(['failed', 'failed', 'skipped upstream_failed']);
    expect(driver.state.error?.stepId).toBe('bad');
  });

  test('a step of the failure path with policy continue satisfies its dependents', () => {
    const driver = started([
      quick('bad'),
      quick('cleanup', { dependsOn: ['bad'], runCondition: 'always', failurePolicy: 'continue' }),
      quick('after', { dependsOn: ['cleanup'] }),
    ]);
    exchange(driver, 'bad', permanent);
    exchange(driver, 'cleanup', permanent);
    exchange(driver, 'after');
    expect([driver.state.state, ...statesOf(driver)]).toEqual(['failed', 'failed', 'failed', 'completed']);
  });

  test('the same, when the failure of the run cuts its back-off short', () => {
    const driver = started([
      quick('root'),
      step('cleanup', {
        ...parallel,
        dependsOn: ['root'],
        runCondition: 'always',
        failurePolicy: 'continue',
      }),
      quick('after', { dependsOn: ['cleanup'] }),
      quick('bad'),
    ]);
    exchange(driver, 'root');
    exchange(driver, 'cleanup', transient);
    exchange(driver, 'bad', permanent);
    exchange(driver, 'after');
    expect(statesOf(driver)).toEqual(['completed', 'failed', 'completed', 'failed']);
  });
});

describe('policy retry', () => {
  const lane = ['a', 'b'].map((id) => step(id, { retries: once, failurePolicy: 'retry' }));

  test('a step that waits for its turn in a round fails with its last error when the run fails', () => {
    const driver = started(lane);
    for (const name of ['a', 'b', 'a']) exchange(driver, name, permanent);
    expect(statesOf(driver)).toEqual(['failed', 'failed']);
    expect(driver.state.steps[1]?.error?.code).toBe('http_status');
  });

  test('a parallel one as well', () => {
    const driver = started(lane.map((item) => ({ ...item, ...parallel })));
    for (const name of ['a', 'b', 'a']) exchange(driver, name, permanent);
    expect(statesOf(driver)).toEqual(['failed', 'failed']);
    expect(driver.state.steps[1]?.error?.code).toBe('http_status');
  });

  test('and is cancelled like any step that was sent, whatever its mode', () => {
    const root = quick('root');
    const always = lane.map((item) => ({ ...item, dependsOn: ['root'], runCondition: 'always' as const }));
    const driver = started([root, ...always]);
    exchange(driver, 'root');
    for (const name of ['a', 'b']) exchange(driver, name, permanent);
    driver.apply(cancel);
    const cancelled = 'cancelled run_cancelled';
    expect(statesOf(driver)).toEqual(['completed', cancelled, cancelled]);
    expect(driver.state).toMatchObject({ state: 'cancelled', phase: 'done' });
  });

  test('attempt numbers go on in a round, with a fresh budget', () => {
    const driver = started([step('a')], { failurePolicy: 'retry', retryRounds: 2 });
    driver.runToEnd(() => transient);
    expect(driver.delivery('a')).toMatchObject({ attempts: 9, round: 2, spent: 3 });
    expect(driver.eventsOf('run.retrying')).toHaveLength(2);
  });
});

describe('a join', () => {
  test('is met once, although the same end also skips another of its dependencies', () => {
    const driver = started([
      step('won'),
      step('not-needed', { dependsOn: ['won'], runCondition: 'onFailure' }),
      step('joined', { dependsOn: ['won', 'not-needed'], join: 1 }),
      step('last', { dependsOn: ['joined'] }),
    ]);
    exchange(driver, 'won');
    expect(driver.state.active).toBe(1);
    driver.runToEnd(() => success);
    expect(driver.eventsOf('step.completed')).toEqual(['won', 'joined', 'last']);
    expect(driver.state.state).toBe('completed');
  });

  test('its losers fail without failing the run, before and after it is met', () => {
    const driver = started([
      quick('early'),
      quick('won'),
      quick('late'),
      quick('joined', { dependsOn: ['early', 'won', 'late'], join: 1 }),
    ]);
    exchange(driver, 'early', permanent);
    exchange(driver, 'won');
    exchange(driver, 'joined');
    expect(driver.state.state).toBe('running');
    exchange(driver, 'late', permanent);
    expect([driver.state.state, driver.state.error]).toEqual(['completed', null]);
  });

  test('the failure that puts it out of reach fails the run', () => {
    const driver = started([quick('a'), quick('b'), quick('joined', { dependsOn: ['a', 'b'], join: 1 })]);
    exchange(driver, 'a', permanent);
    exchange(driver, 'b', permanent);
    expect(statesOf(driver)).toEqual(['failed', 'failed', 'skipped upstream_failed']);
    expect(driver.state.error?.stepId).toBe('b');
  });

  test('a failure with another dependent beside the join is not absorbed', () => {
    const driver = started([
      quick('a'),
      quick('b'),
      quick('joined', { dependsOn: ['a', 'b'], join: 1 }),
      quick('plain', { dependsOn: ['a'] }),
    ]);
    exchange(driver, 'a', permanent);
    expect([driver.state.state, driver.state.error?.stepId]).toEqual(['failed', 'a']);
  });
});

describe('the serial lane', () => {
  test('inProgress steps are outside it', () => {
    const driver = started([step('a'), step('beside', { dependsOn: ['a'], runCondition: 'inProgress' })]);
    send(driver, 'a');
    expect(driver.dueNames()).toEqual(['beside']);
  });

  test('goes on in definition order, although a later step became ready earlier in the same event', () => {
    const driver = started([
      quick('bad'),
      step('skipped', { dependsOn: ['bad'], runCondition: 'onCancelled' }),
      step('first', { dependsOn: ['bad'], runCondition: 'onFailure' }),
      step('later', { dependsOn: ['skipped'], runCondition: 'always' }),
    ]);
    exchange(driver, 'bad', permanent);
    expect(driver.dueNames()).toEqual(['first']);
  });
});

describe('a cancel', () => {
  test('sends only steps that an end of any kind or a cancellation calls for', () => {
    const modes = [
      'always',
      'onCancelled',
      'onFailureOrCancelled',
      'onAnyCompleted',
      'onFailure',
      'onSuccess',
    ] as const;
    const driver = started([
      quick('open'),
      ...modes.map((mode) => quick(mode, { dependsOn: ['open'], runCondition: mode })),
      quick('partial', { dependsOn: ['open'], allowPartialDependencies: true }),
      quick('below', { dependsOn: ['always'] }),
    ]);
    send(driver, 'open');
    driver.apply(cancel);
    expect(driver.dueNames()).toEqual(modes.slice(0, 4).sort());
    driver.runToEnd(() => success);
    expect(driver.state.state).toBe('cancelled');
  });

  test('a run that never started sends nothing', () => {
    const steps = [quick('root'), quick('cleanup', { dependsOn: ['root'], runCondition: 'always' })];
    const driver = new Driver(planOf(steps));
    driver.apply(cancel);
    expect(driver.state).toMatchObject({ state: 'cancelled', phase: 'done' });
    expect(driver.dueNames()).toEqual([]);
  });
});

describe('a choice, and a join, that meet something else', () => {
  test('next answered while the run drains holds for the failure path as well', () => {
    const driver = started([
      step('bad', { parallel: true, retries: once }),
      step('root', { parallel: true }),
      step('chooser', { dependsOn: ['root'], runCondition: 'always', parallel: true }),
      step('taken', { dependsOn: ['chooser'], parallel: true }),
      step('left', { dependsOn: ['chooser'], parallel: true }),
    ]);
    exchange(driver, 'root');
    send(driver, 'chooser');
    exchange(driver, 'bad', permanent);
    expect(driver.state.phase).toBe('draining');
    driver.end(driver.delivery('chooser'), { kind: 'success', result: '1', next: ['taken'] });
    exchange(driver, 'taken');
    expect(statesOf(driver).slice(2)).toEqual(['completed', 'completed', 'skipped branch_not_taken']);
    expect(driver.state.state).toBe('failed');
  });

  test('next answered while the run drains holds once it is taken up again', () => {
    const driver = started([
      step('bad', { parallel: true, retries: once }),
      step('chooser', { parallel: true }),
      step('taken', { dependsOn: ['chooser'], parallel: true }),
      step('left', { dependsOn: ['chooser'], parallel: true }),
      step('below', { dependsOn: ['left'], parallel: true }),
    ]);
    send(driver, 'chooser');
    exchange(driver, 'bad', permanent);
    driver.end(driver.delivery('chooser'), { kind: 'success', result: '1', next: ['taken'] });
    expect(statesOf(driver)).toEqual([
      'failed',
      'completed',
      ...Array.from({ length: 3 }, () => 'skipped run_failed'),
    ]);
    const copies = copiesOf(driver.state, driver.plan, 'bad');
    expect('events' in copies && copies.events.map((event) => 'step' in event && event.step)).toEqual([
      'left',
      'chooser',
    ]);
    expect(driver.apply({ type: 'retry', commandId: 'c' })).toBe(null);
    expect(driver.dueNames()).toEqual(['bad', 'taken']);
    expect(statesOf(driver).slice(3)).toEqual(['skipped branch_not_taken', 'skipped upstream_skipped']);
  });

  test('a join that was met and then declined bears the failure of its loser', () => {
    const driver = started([
      step('winner', { parallel: true }),
      step('loser', { parallel: true, retries: once }),
      step('join', { dependsOn: ['winner', 'loser'], join: 1, when: 'false' }),
    ]);
    exchange(driver, 'winner');
    exchange(driver, 'loser', permanent);
    expect([driver.state.state, ...statesOf(driver)]).toEqual([
      'completed',
      'completed',
      'failed',
      'skipped condition_not_met',
    ]);
  });

  test('a join that can no longer be met fails the run for the loser that it had borne', () => {
    const driver = started([
      step('loser', { parallel: true, retries: once }),
      step('other', { parallel: true, when: 'true' }),
      step('skipped', { dependsOn: ['other'], when: 'false' }),
      step('join', { dependsOn: ['loser', 'skipped'], join: 1 }),
    ]);
    exchange(driver, 'loser', permanent);
    expect(driver.state.state).toBe('running');
    exchange(driver, 'other');
    expect([driver.state.state, driver.state.error?.stepId]).toEqual(['failed', 'loser']);
  });

  test('attempt numbers go on over a retry in which the step was postponed before it was sent', () => {
    const driver = started([
      step('a', { parallel: true, retries: once }),
      step('z', { parallel: true, retries: once, dependsOn: ['a'], runCondition: 'always' }),
    ]);
    const failAll = () => {
      exchange(driver, 'a', permanent);
      exchange(driver, 'z', permanent);
    };
    failAll();
    driver.apply({ type: 'retry', commandId: 'c' });
    failAll();
    expect(driver.state.steps.map(({ delivery }) => delivery?.attempts)).toEqual([2, 2]);
  });
});
