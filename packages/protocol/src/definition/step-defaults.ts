import { listOf } from './graph.ts';
import { isRequest } from './kinds.ts';
import { mergedRetries } from './retries.ts';
import type { ParsedDefinition } from './schema.ts';
import type { ParsedStep } from './step-schema.ts';

export type Defaults = NonNullable<ParsedDefinition['defaults']>;
type Field = keyof Defaults;

/** Fields that say one thing together: a step that has one of them has none of these from `defaults`. */
const conditions: readonly Field[] = ['runCondition', 'runAfterFailure', 'allowPartialDependencies', 'join'];
const gates: readonly Field[] = ['delay', 'runAt'];
const policies: readonly Field[] = ['failurePolicy', 'continueOnFailure'];

/** A step as it is with `defaults`: each reaches the steps on which it has an effect, and no others. */
export function withDefaults(step: ParsedStep, defaults: Defaults): ParsedStep {
  const reaching = [
    ...together(step, policies),
    ...(canWait(step, defaults) ? together(step, conditions) : []),
    ...together(step, gates),
    ...unlessSaid(step, 'when'),
    ...(isRequest(step) || step.workflow !== undefined ? unlessSaid(step, 'compensation', 'slowAfter') : []),
    ...(isRequest(step) ? requestFields(step, defaults) : []),
  ];
  const own = isRequest(step) ? (['retries', 'headers', 'metadata'] as const) : (['metadata'] as const);
  return { ...step, ...picked(defaults, reaching), ...merged(step, defaults, own) };
}

function requestFields(step: ParsedStep, defaults: Defaults): Field[] {
  return [
    ...unlessSaid(step, 'parallel', 'timeout', 'payload', 'delivery', 'forEach'),
    ...(listOf(step.dependsOn).length > 0 ? unlessSaid(step, 'input') : []),
    ...(hasList(step, defaults) ? unlessSaid(step, 'maxConcurrency', 'toleratedFailures') : []),
  ];
}

/** Whether it makes a request for each item of a list, said by itself or by `defaults`. */
export function hasList(step: ParsedStep, { forEach }: Defaults): boolean {
  return (step.forEach ?? (isRequest(step) ? forEach : undefined)) !== undefined;
}

/** Whether it has the dependencies that a condition is about. */
function canWait({ dependsOn }: ParsedStep, { join }: Defaults): boolean {
  const needed = typeof join === 'object' ? join.atLeast : 1;
  return listOf(dependsOn).length >= needed;
}

/** Those that the step does not say itself. */
function unlessSaid(step: ParsedStep, ...fields: readonly Field[]): Field[] {
  return fields.filter((field) => step[field] === undefined);
}

/** All of them, or none when the step says one. */
function together(step: ParsedStep, fields: readonly Field[]): readonly Field[] {
  return unlessSaid(step, ...fields).length === fields.length ? fields : [];
}

/** Single members of these may be set over those of `defaults`. */
function merged(
  step: ParsedStep,
  defaults: Defaults,
  fields: readonly ('retries' | 'headers' | 'metadata')[],
): Partial<ParsedStep> {
  const known = fields.filter((field) => defaults[field] !== undefined);
  return Object.fromEntries(
    known.map((field) => [
      field,
      field === 'retries'
        ? mergedRetries(step.retries ?? {}, defaults.retries!)
        : { ...(field === 'headers' ? others(step, defaults) : defaults[field]), ...step[field] },
    ]),
  );
}

function picked(defaults: Defaults, fields: readonly Field[]): Partial<ParsedStep> {
  return Object.fromEntries(
    fields.filter((field) => defaults[field] !== undefined).map((field) => [field, defaults[field]]),
  );
}

/** A fault of a field that a step has from `defaults` is one of `defaults`, and the same for every step. */
export function blamedOnDefaults<Fault extends { readonly path: string; readonly message: string }>(
  faults: readonly Fault[],
  steps: readonly ParsedStep[],
  defaults: Defaults,
): Fault[] {
  const seen = new Set<string>();
  return faults.flatMap((fault) => {
    const [, index, field, rest] = /^steps\[(\d+)\]\.(\w+)(.*)$/.exec(fault.path) ?? [];
    const isInherited =
      field !== undefined &&
      steps[Number(index)]?.[field as Field] === undefined &&
      defaults[field as Field] !== undefined;
    if (!isInherited) return [fault];
    const path = `defaults.${field}${rest}`;
    if (seen.has(path)) return [];
    seen.add(path);
    return [{ ...fault, path }];
  });
}

/** Those of `defaults` that the step does not set itself; names of headers have no case. */
function others({ headers: own = {} }: ParsedStep, { headers = {} }: Defaults): Record<string, string> {
  const names = new Set(Object.keys(own).map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.has(name.toLowerCase())));
}
