/** The diagrams in state.ts show what happens, all of it and nothing else. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { actions, workflows } from '../test/arbitraries.ts';
import { context, permanent, planOf, step, success, transient } from '../test/definitions.ts';
import { Driver } from '../test/driver.ts';
import { once } from '../test/scenario.ts';
import { simulate } from '../test/simulate.ts';
import { type Command, compilePlan, createRunState, evolve, hash32, type RunState } from './index.ts';

const source = readFileSync(new URL('state.ts', import.meta.url), 'utf8');
const drawn = [...drawnAbove('RunStateName', 'run'), ...drawnAbove('StepStateName', 'step')].sort();

/** Lines `from ──cause──▶ to | to`; a line that names no state goes on from the one above. */
function drawnAbove(type: string, what: string): Set<string> {
  const comment = source.split(`export type ${type}`)[0]!.split('/**').at(-1)!;
  const transitions = new Set<string>();
  let from = '';
  for (const [, name, to = ''] of comment.matchAll(/^ \* +(\w+)? *──.*▶ (.*)$/gm)) {
    from = name ?? from;
    for (const state of to.split(' | ')) transitions.add(`${what}: ${from} → ${state}`);
  }
  return transitions;
}

/** Event by event: a commit may hold several. */
function* transitionsOf({ plan, journal }: Driver): Generator<string> {
  const state = createRunState(plan, 'run_test', context);
  for (let before = namesOf(state), at = 0; at < journal.length; at++) {
    evolve(state, journal[at]!);
    const after = namesOf(state);
    for (const [index, name] of after.entries()) {
      const was = before[index];
      // New: it was added, or is an instance.
      if (name !== was && was !== undefined) yield `${index === 0 ? 'run' : 'step'}: ${was} → ${name}`;
    }
    before = after;
  }
}

const namesOf = ({ state, steps }: RunState) => [state, ...steps.map((step) => step.state)];

const retried = { retries: once, failurePolicy: 'retry' } as const;
const plan = planOf([
  step('a', retried),
  step('b', retried),
  step('c', { parallel: true, retries: once }),
  step('cleanup', { dependsOn: ['a'], runCondition: 'always' }),
  step('onward', { dependsOn: ['a'] }),
  step('nap', { url: undefined, sleep: 1, dependsOn: ['c'] }),
  step('signal', { url: undefined, waitFor: { signal: 'go', timeout: 5 }, dependsOn: ['b'] }),
  step('never', { when: 'context.no', dependsOn: ['c'] }),
  step('each', { forEach: 'context.items', dependsOn: ['c'], retries: once }),
]);

/** Commands as they come, whether they fit or not. A run is started before its steps are asked anything. */
function walk(seed: number): Driver {
  const driver = new Driver(plan);
  const beforeStart = early[seed % 20];
  if (beforeStart) driver.apply(beforeStart);
  driver.apply({ type: 'start' });
  for (let turn = 0; turn < (isCalm(`${seed}`) ? 800 : 150); turn++) {
    const wakes = [...driver.wakes.keys()].filter((id) => id !== 'signal' || !isCalm(`${seed}`));
    const isWaking = wakes.length > 0 && hash32(`${seed}:${turn}:wake`) % 10 === 0;
    if (isWaking) driver.wakeUp(wakes[turn % wakes.length]!);
    else driver.apply(anyCommand(driver.state, `${seed}:${turn}`));
  }
  return driver;
}

/** Some walks have neither ends by force nor failures, so that the run completes. */
const isCalm = (seed: string) => seed.startsWith('1');

const early: readonly Command[] = [
  { type: 'cancel', commandId: 'c', compensate: true },
  { type: 'quarantine', code: 'poison', message: '' },
];

function anyCommand({ steps }: RunState, seed: string): Command {
  let rolls = 0;
  const roll = (sides: number) => hash32(`${seed}:${rolls++}`) % sides;
  const { delivery, plan: named } = steps[roll(steps.length)]!;
  const of = { delivery: 'step', step: named.id } as const;
  const byHand = { type: roll(2) ? 'skipStep' : 'completeStep', commandId: 'c', step: named.id } as const;
  if (roll(25) === 0 && !isCalm(seed)) return [...early, byHand, { type: 'timeOut' } as const][roll(4)]!;
  if (roll(15) === 0) return { type: 'retry', commandId: 'c' };
  if (roll(30) === 0) return { type: 'signal', commandId: 'c', name: 'go', payload: '1' };
  if (roll(9) < 4) return { type: 'startAttempt', ...of };
  const answers = isCalm(seed) ? [success] : [success, success, transient, permanent];
  const outcome = answers[roll(answers.length)]!;
  return { type: 'endAttempt', ...of, attempt: delivery?.attempts ?? 0, outcome };
}

test('whatever is drawn happens, and nothing else', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 1500; seed++)
    for (const transition of transitionsOf(walk(seed))) seen.add(transition);
  expect([...seen].sort()).toEqual(drawn);
});

test('nothing that is not drawn happens in any workflow', () => {
  fc.assert(
    fc.property(workflows, actions, (definition, list) => {
      const driver = simulate(compilePlan(definition), list, { isLazy: false, asksAround: false });
      expect(drawn).toEqual(expect.arrayContaining([...transitionsOf(driver)]));
    }),
    { numRuns: 100, interruptAfterTimeLimit: 60_000 },
  );
});
