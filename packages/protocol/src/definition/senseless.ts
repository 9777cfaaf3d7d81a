import type { DefinitionFault } from '@waybill/engine';
import { listOf } from './graph.ts';
import { isRequest } from './kinds.ts';
import { retryFaults } from './retries.ts';
import type { ParsedDefinition } from './schema.ts';
import { kindFieldFaults } from './senseless-kinds.ts';
import { deliveryFaults, fanOutFaults, requestFaults } from './senseless-requests.ts';
import { type Defaults, hasList } from './step-defaults.ts';
import type { ParsedStep } from './step-schema.ts';

/** Combinations that make no sense, each with a sentence that says what to write instead. */
export function findSenselessFields(definition: ParsedDefinition): DefinitionFault[] {
  const { defaults = {} } = definition;
  const faults = findSenselessStepFields(definition.steps, () => defaults);
  faults.push(...policyFaults(definition, ''), ...defaultsFaults(definition));
  const usesRounds = [definition, ...definition.steps].some((item) => item.failurePolicy === 'retry');
  if (definition.retryRounds !== undefined && !usesRounds && definition.defaults?.failurePolicy !== 'retry') {
    const message = 'has no effect: set failurePolicy "retry" on the workflow or on a step, or leave it out';
    faults.push({ path: 'retryRounds', message });
  }
  return faults;
}

/** What contradicts itself in `defaults`, and steps that contradict a delivery which they have from there. */
function defaultsFaults({ defaults, steps }: ParsedDefinition): DefinitionFault[] {
  if (defaults === undefined) return [];
  const isOnce = defaults.delivery === 'at-most-once';
  return [
    ...exclusiveConditions(defaults, 'defaults'),
    ...gateFaults(defaults, 'defaults'),
    ...policyFaults(defaults, 'defaults.'),
    ...deliveryFaults(defaults, 'defaults'),
    ...(isOnce ? [] : retryFaults(defaults.retries ?? {}, 'defaults')),
    ...(steps.some((step) => hasList(step, defaults)) ? [] : fanOutFaults(defaults, 'defaults')),
    ...steps.flatMap((step, index) => {
      if (!isOnce || step.delivery !== undefined || !isRequest(step)) return [];
      return deliveryFaults({ ...step, delivery: 'at-most-once' }, `steps[${index}]`);
    }),
  ];
}

/** `defaultsOf` a step is what it has where it says nothing itself. */
export function findSenselessStepFields(
  steps: readonly ParsedStep[],
  defaultsOf: (step: ParsedStep) => Defaults,
): DefinitionFault[] {
  return steps.flatMap((step, index) => {
    const at = `steps[${index}]`;
    return [
      ...conditionFaults(step, at),
      ...gateFaults(step, at),
      ...policyFaults(step, `${at}.`),
      ...kindFieldFaults(step, at),
      ...requestFaults(step, defaultsOf(step), at),
    ];
  });
}

function conditionsIn(step: Defaults) {
  return [
    step.runCondition !== undefined && 'runCondition',
    // Another word for "always".
    step.runAfterFailure === true && step.runCondition !== 'always' && 'runAfterFailure',
    step.allowPartialDependencies === true && 'allowPartialDependencies',
    step.join !== undefined && step.join !== 'all' && 'join',
  ].filter((name) => name !== false);
}

function exclusiveConditions(step: Defaults, at: string): DefinitionFault[] {
  const named = conditionsIn(step);
  if (named.length < 2) return [];
  const message = `${named.join(' and ')} exclude each other: each says when the step runs; keep one`;
  return [{ path: `${at}.${named.at(-1)}`, message }];
}

function conditionFaults(step: ParsedStep, at: string): DefinitionFault[] {
  const faults = exclusiveConditions(step, at);
  const named = conditionsIn(step);
  const dependencies = listOf(step.dependsOn);
  const needsDependencies = named.find(
    (name) => name !== 'runCondition' || step.runCondition !== 'onSuccess',
  );
  if (dependencies.length === 0 && needsDependencies !== undefined) {
    const message =
      'a step without dependencies starts at once: name the steps it reacts to in dependsOn, or leave this out';
    faults.push({ path: `${at}.${needsDependencies}`, message });
  }
  if (typeof step.join === 'object' && step.join.atLeast > dependencies.length && dependencies.length > 0) {
    const message = `asks for ${step.join.atLeast} successes of ${dependencies.length} dependencies: ask for ${dependencies.length} at most`;
    faults.push({ path: `${at}.join.atLeast`, message });
  }
  return faults;
}

function gateFaults({ delay, runAt }: Defaults, at: string): DefinitionFault[] {
  if (delay === undefined || runAt === undefined) return [];
  return [{ path: `${at}.runAt`, message: 'delay and runAt exclude each other: keep one' }];
}

function policyFaults(
  item: { failurePolicy?: string | undefined; continueOnFailure?: boolean | undefined },
  prefix: string,
): DefinitionFault[] {
  if (!item.continueOnFailure || item.failurePolicy === undefined || item.failurePolicy === 'continue')
    return [];
  const message = `contradicts failurePolicy "${item.failurePolicy}": keep one of the two`;
  return [{ path: `${prefix}continueOnFailure`, message }];
}
