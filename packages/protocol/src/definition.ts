import {
  type DefinitionFault,
  defaultRetryPolicy,
  type FailurePolicy,
  findGraphFaults,
  type StepDefinition,
  type WorkflowDefinition,
} from '@waybill/engine';
import { defaultStepTimeoutSeconds, defaultTimeoutSeconds } from './defaults.ts';
import type { DefinitionChecks } from './definition-checks.ts';
import { absoluteUrl, findTargetFaults, isRecord } from './definition-checks.ts';
import { definitionSchema, type ParsedDefinition, type ParsedStep } from './definition-schema.ts';
import { zodFaults } from './faults.ts';
import { defaultLimits } from './limits.ts';
import { findSenselessFields } from './senseless-fields.ts';

export type DefinitionResult =
  | { readonly definition: WorkflowDefinition }
  | { readonly faults: readonly DefinitionFault[] };

/** Validates a client's definition and applies defaults. Reports every fault at once, each with its path. */
export function parseDefinition(input: unknown, checks: DefinitionChecks): DefinitionResult {
  const tooMany = stepCountFault(input);
  if (tooMany) return { faults: [tooMany] };
  const parsed = definitionSchema.safeParse(input);
  const shape = parsed.success ? findSenselessFields(parsed.data) : zodFaults(parsed.error);
  const faults = [...shape, ...findGraphFaults(graphOf(input)), ...findTargetFaults(input, checks)];
  if (faults.length > 0 || !parsed.success) return { faults };
  return { definition: normalise(parsed.data, checks) };
}

/** Alone: a body of a hundred thousand faulty steps would be answered with as many faults. */
function stepCountFault(input: unknown): DefinitionFault | null {
  const steps: unknown = isRecord(input) ? input.steps : undefined;
  const { stepsMax } = defaultLimits;
  if (!Array.isArray(steps) || steps.length <= stepsMax) return null;
  return { path: 'steps', message: `has ${steps.length} steps, above stepsMax ${stepsMax}` };
}

/** The graph of whatever was sent, so that its faults are named even beside faults of shape. */
function graphOf(input: unknown): { id: string; dependsOn: string[] }[] {
  const steps: unknown = isRecord(input) ? input.steps : undefined;
  if (!Array.isArray(steps)) return [];
  return steps.map((step: unknown, index) => {
    const { id, dependsOn } = isRecord(step) ? step : {};
    return { id: typeof id === 'string' ? id : `\u0000${index}`, dependsOn: listOf(dependsOn) };
  });
}

function listOf(dependsOn: unknown): string[] {
  const list: unknown[] = Array.isArray(dependsOn) ? dependsOn : [dependsOn];
  return list.filter((item) => typeof item === 'string');
}

function normalise(input: ParsedDefinition, { baseUrl }: DefinitionChecks): WorkflowDefinition {
  const url = (text: string) => absoluteUrl(text, baseUrl);
  const optionalUrl = (text: string | undefined) => (text === undefined ? undefined : url(text));
  const defaults = input.defaults ?? {};
  const steps = input.steps.map((step): StepDefinition => {
    const headers = { ...defaults.headers, ...step.headers };
    const metadata = { ...defaults.metadata, ...step.metadata };
    const payload = step.payload === undefined ? defaults.payload : step.payload;
    return {
      id: step.id,
      url: url(step.url),
      dependsOn: listOf(step.dependsOn),
      parallel: step.parallel ?? defaults.parallel ?? false,
      retries: { ...defaultRetryPolicy, ...defaults.retries, ...step.retries },
      timeout: step.timeout ?? defaults.timeout ?? defaultStepTimeoutSeconds,
      compensation: optionalUrl(step.compensation),
      ...conditionFields(step),
      ...gateFields(step),
      ...policyField(step, defaults),
      ...(step.slowAfter === undefined ? {} : { slowAfter: step.slowAfter }),
      ...(payload === undefined ? {} : { payload }),
      ...(Object.keys(headers).length > 0 ? { headers } : {}),
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    };
  });
  return {
    id: input.id,
    steps,
    onComplete: optionalUrl(input.onComplete),
    onError: optionalUrl(input.onError),
    timeout: input.timeout ?? defaultTimeoutSeconds,
    saga: input.saga ?? false,
    failurePolicy: policyField(input).failurePolicy ?? 'fail',
    ...(input.retryRounds === undefined ? {} : { retryRounds: input.retryRounds }),
    tags: input.tags,
    metadata: input.metadata,
  };
}

/** Only what was asked for is stored: a definition without conditions reads back as it was written. */
function conditionFields(step: ParsedStep): Partial<StepDefinition> {
  const { join, allowPartialDependencies } = step;
  const runCondition = step.runAfterFailure ? 'always' : step.runCondition;
  const atLeast = join === 'any' ? 1 : typeof join === 'object' ? join.atLeast : undefined;
  return {
    ...(runCondition === undefined ? {} : { runCondition }),
    ...(allowPartialDependencies ? { allowPartialDependencies } : {}),
    ...(atLeast === undefined ? {} : { join: atLeast }),
  };
}

function gateFields({ delay, runAt }: ParsedStep): Partial<StepDefinition> {
  if (runAt !== undefined) return { runAt };
  return delay === undefined ? {} : { delay };
}

interface Policied {
  readonly failurePolicy?: FailurePolicy | undefined;
  readonly continueOnFailure?: boolean | undefined;
}

/** `continueOnFailure: true` is another way to write `failurePolicy: "continue"`. */
function policyField(own: Policied, defaults: Policied = {}): { failurePolicy?: FailurePolicy } {
  const policyOf = ({ failurePolicy, continueOnFailure }: Policied) =>
    failurePolicy ?? (continueOnFailure ? 'continue' : undefined);
  const failurePolicy = policyOf(own) ?? policyOf(defaults);
  return failurePolicy === undefined ? {} : { failurePolicy };
}
