import type { DefinitionFault } from '@waybill/engine';
import { kindsOf, type StepKind } from './kinds.ts';
import type { ParsedStep } from './step-schema.ts';

type Field = keyof ParsedStep;

const quiet = 'nothing is sent: leave it out, or put it on a step with a url';
const childs = 'set it on the steps of that workflow';

/** What makes no sense on a step that sends no request of its own, and what to write instead. */
const refused: Record<Exclude<StepKind, 'url'>, Partial<Record<Field, string>>> = {
  sleep: {
    timeout: 'a sleep lasts as long as it says: leave it out',
    slowAfter: 'a sleep lasts as long as it says: leave it out',
    parallel: 'a sleep never waits for the turn of others: leave it out',
    retries: quiet,
    headers: quiet,
    payload: quiet,
    compensation: quiet,
    delivery: quiet,
    input: quiet,
    forEach: 'one sleep is enough: leave it out, or put it on a step with a url',
  },
  waitFor: {
    parallel: 'a wait never waits for the turn of others: leave it out',
    retries: `${quiet}; how long it waits is waitFor.timeout`,
    headers: quiet,
    payload: `${quiet}; the signal brings its own`,
    compensation: quiet,
    delivery: quiet,
    input: quiet,
    forEach: 'one step waits for one signal: leave it out, or put it on a step with a url',
  },
  workflow: {
    timeout: 'how long the run may take is the timeout of that workflow: set it there',
    parallel: 'a sub-workflow never waits for the turn of others: leave it out',
    retries: childs,
    headers: childs,
    delivery: childs,
    input: 'it gets payload as its context, or the context of this run: leave it out',
    forEach: 'one step runs one sub-workflow: leave it out, or put it on a step with a url',
  },
};

const named = { sleep: 'sleeps', waitFor: 'waits for a signal', workflow: 'runs a workflow' } as const;

export function kindFieldFaults(step: ParsedStep, at: string): DefinitionFault[] {
  const [kind, another] = kindsOf(step);
  if (kind === undefined || kind === 'url' || another !== undefined) return [];
  const faults = Object.entries(refused[kind]).flatMap(([field, instead]) => {
    if (step[field as Field] === undefined || isSo(step, field as Field)) return [];
    return [{ path: `${at}.${field}`, message: `has no effect on a step that ${named[kind]}: ${instead}` }];
  });
  return [...faults, ...waitFaults(step, at), ...childContextFaults(step, at)];
}

/** `parallel: true` says of it what it does anyway. */
function isSo({ parallel }: ParsedStep, field: Field): boolean {
  return field === 'parallel' && parallel === true;
}

function waitFaults({ waitFor, timeout }: ParsedStep, at: string): DefinitionFault[] {
  if (waitFor === undefined) return [];
  const wait = typeof waitFor === 'string' ? { signal: waitFor } : waitFor;
  if (wait.timeout !== undefined && timeout !== undefined) {
    const message = 'timeout and waitFor.timeout say the same: keep one';
    return [{ path: `${at}.timeout`, message }];
  }
  if (wait.default === undefined || wait.timeout !== undefined || timeout !== undefined) return [];
  const message = 'is never taken: say in waitFor.timeout after how long';
  return [{ path: `${at}.waitFor.default`, message }];
}

function childContextFaults({ workflow, payload }: ParsedStep, at: string): DefinitionFault[] {
  const isObject = typeof payload === 'object' && payload !== null && !Array.isArray(payload);
  if (workflow === undefined || payload === undefined || isObject) return [];
  return [{ path: `${at}.payload`, message: 'is the context of a run: write an object' }];
}
