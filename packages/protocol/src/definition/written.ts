import type { StepDefinition, WorkflowDefinition } from '@waybill/engine';
import { isRequest } from './kinds.ts';
import { writtenRetries } from './retries.ts';
import type { Defaults } from './step-defaults.ts';

/** A stored definition as it is shown: as a client may send it, and sent again it is the same version. */
export function writtenDefinition(definition: WorkflowDefinition): Record<string, unknown> {
  const defaults = (definition.defaults ?? {}) as Defaults;
  return { ...definition, steps: definition.steps.map((step) => writtenStep(step, defaults)) };
}

/** What is stored of every step, and may be said of some alone, is left out of the others. */
function writtenStep(step: StepDefinition, defaults: Defaults): Record<string, unknown> {
  const { join, delivery, retries } = step;
  return {
    ...step,
    retries: writtenRetries(retries),
    ...(isRequest(step) ? {} : { parallel: undefined, retries: undefined, timeout: undefined }),
    ...(delivery === 'at-most-once' ? { retries: undefined } : {}),
    ...(join === undefined ? {} : { join: { atLeast: join } }),
    ...unlikeDefaults(step, defaults),
  };
}

/** What a step is by default is not stored: where `defaults` would make something else of it, it says so. */
function unlikeDefaults(step: StepDefinition, defaults: Defaults): Record<string, unknown> {
  const { dependsOn, runCondition, allowPartialDependencies, join, failurePolicy, delivery } = step;
  const has = (...values: readonly unknown[]) => values.some((value) => value !== undefined);
  const hasCondition = has(
    defaults.runCondition,
    defaults.runAfterFailure,
    defaults.allowPartialDependencies,
    defaults.join,
  );
  const isPlain = !has(runCondition, allowPartialDependencies, join);
  const hasPolicy = has(defaults.failurePolicy, defaults.continueOnFailure);
  return {
    ...(hasCondition && isPlain && dependsOn.length > 0 ? { runAfterFailure: false } : {}),
    ...(hasPolicy && !has(failurePolicy) ? { continueOnFailure: false } : {}),
    ...(has(defaults.delivery) && isRequest(step) && !has(delivery) ? { delivery: 'at-least-once' } : {}),
  };
}
