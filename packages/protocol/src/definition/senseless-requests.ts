import type { DefinitionFault } from '@waybill/engine';
import { listOf } from './graph.ts';
import { isRequest } from './kinds.ts';
import { retryFaults } from './retries.ts';
import { type Defaults, hasList } from './step-defaults.ts';
import type { ParsedStep } from './step-schema.ts';

/** Fan-out, delivery and input: what contradicts itself on a step. */
export function requestFaults(step: ParsedStep, defaults: Defaults, at: string): DefinitionFault[] {
  return [
    ...(hasList(step, defaults) ? [] : fanOutFaults(step, at)),
    ...(isRequest(step) ? [...deliveryFaults(step, at), ...stepRetryFaults(step, defaults, at)] : []),
    ...inputFaults(step, at),
  ];
}

/** Of what is sent once, `deliveryFaults` and those of `defaults` say all there is. */
function stepRetryFaults({ retries, delivery }: ParsedStep, defaults: Defaults, at: string) {
  const isOnce = (delivery ?? defaults.delivery) === 'at-most-once';
  return retries === undefined || isOnce ? [] : retryFaults(retries, at);
}

export function fanOutFaults(step: Defaults, at: string): DefinitionFault[] {
  const message = 'has no effect without forEach: leave it out, or say in forEach over which list';
  return (['maxConcurrency', 'toleratedFailures'] as const)
    .filter((field) => step[field] !== undefined)
    .map((field) => ({ path: `${at}.${field}`, message }));
}

export function deliveryFaults(
  { delivery, retries, failurePolicy }: Defaults,
  at: string,
): DefinitionFault[] {
  if (delivery !== 'at-most-once') return [];
  const once = 'delivery "at-most-once" makes one attempt';
  const faults = Object.entries(retries ?? {})
    .filter(([field, value]) => value !== undefined && !(field === 'maxAttempts' && value === 1))
    .map(([field]) => ({ path: `${at}.retries.${field}`, message: `${once}: leave retries out` }));
  if (failurePolicy !== 'retry') return faults;
  const message = `${once}, and "retry" sends a failed step again: use "fail" or "continue"`;
  return [...faults, { path: `${at}.failurePolicy`, message }];
}

function inputFaults(step: ParsedStep, at: string): DefinitionFault[] {
  const { input } = step;
  if (input === undefined || !isRequest(step)) return [];
  if (input !== 'none' && listOf(step.dependsOn).length === 0) {
    const message = 'a step without dependencies has no earlier results: leave it out';
    return [{ path: `${at}.input`, message }];
  }
  if (typeof input === 'string') return [];
  const seen = new Set<string>();
  return input.flatMap((id, place) => {
    if (seen.has(id)) return [{ path: `${at}.input[${place}]`, message: `"${id}" is named twice` }];
    seen.add(id);
    return [];
  });
}
