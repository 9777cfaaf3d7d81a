import type {
  FailurePolicy,
  RetryPolicy,
  SignalWait,
  StepDefinition,
  WorkflowDefinition,
} from '@waybill/engine';
import { defaultStepTimeoutSeconds, defaultTimeoutSeconds } from '../defaults.ts';
import { absoluteUrl } from './checks.ts';
import { listOf } from './graph.ts';
import { isRequest } from './kinds.ts';
import { retryPolicy } from './retries.ts';
import type { ParsedDefinition } from './schema.ts';
import type { Defaults } from './step-defaults.ts';
import type { ParsedStep } from './step-schema.ts';

interface StepContext {
  readonly baseUrl: string | null;
  /** What holds for a step that names no policy. */
  readonly failurePolicy: FailurePolicy;
}

/** `steps` have their defaults. The order of members is part of a version's hash, and so is which of them are there. */
export function normalise(
  input: ParsedDefinition,
  steps: readonly ParsedStep[],
  baseUrl: string | null,
): WorkflowDefinition {
  const optionalUrl = (text: string | undefined) =>
    text === undefined ? undefined : absoluteUrl(text, baseUrl);
  const failurePolicy = policyField(input).failurePolicy ?? 'fail';
  return {
    id: input.id,
    steps: steps.map((step) => normaliseStep(step, { baseUrl, failurePolicy })),
    onComplete: optionalUrl(input.onComplete),
    onError: optionalUrl(input.onError),
    timeout: input.timeout ?? defaultTimeoutSeconds,
    saga: input.saga ?? false,
    failurePolicy,
    ...only(input, ['retryRounds', 'maxConcurrency']),
    ...defaultsField(input, baseUrl),
    tags: input.tags,
    metadata: input.metadata,
  };
}

/** Kept beside the steps that have them: a step that is sent again is expanded with the same ones. */
function defaultsField({ defaults = {} }: ParsedDefinition, baseUrl: string | null): { defaults?: Defaults } {
  const said = only(defaults, Object.keys(defaults) as (keyof Defaults)[]);
  if (Object.keys(said).length === 0) return {};
  const { compensation } = said;
  if (compensation === undefined) return { defaults: said };
  return { defaults: { ...said, compensation: absoluteUrl(compensation, baseUrl) } };
}

export function normaliseStep(step: ParsedStep, context: StepContext): StepDefinition {
  const { baseUrl } = context;
  const { headers = {}, metadata = {} } = step;
  return {
    id: step.id,
    ...(step.url === undefined ? {} : { url: absoluteUrl(step.url, baseUrl) }),
    ...kindFields(step),
    dependsOn: listOf(step.dependsOn),
    // The others never hold the lane.
    parallel: isRequest(step) ? (step.parallel ?? false) : true,
    retries: retriesOf(step),
    timeout: (isRequest(step) ? step.timeout : undefined) ?? defaultStepTimeoutSeconds,
    compensation: step.compensation === undefined ? undefined : absoluteUrl(step.compensation, baseUrl),
    ...conditionFields(step),
    ...only(step, ['when', 'forEach', 'maxConcurrency', 'toleratedFailures']),
    ...gateFields(step),
    ...stepPolicyField(step, context),
    ...(step.delivery === 'at-most-once' ? { delivery: step.delivery } : {}),
    ...only(step, ['input', 'slowAfter', 'payload']),
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
  };
}

/** Only what was asked for is stored: a definition reads back as it was written, and keeps its hash. */
function only<T extends object, Key extends keyof T>(from: T, keys: readonly Key[]): Partial<Pick<T, Key>> {
  const kept: Partial<Pick<T, Key>> = {};
  for (const key of keys) if (from[key] !== undefined) kept[key] = from[key];
  return kept;
}

function kindFields(step: ParsedStep): Partial<StepDefinition> {
  const { waitFor } = step;
  if (waitFor === undefined) return only(step, ['sleep', 'workflow']);
  const wait: SignalWait = typeof waitFor === 'string' ? { signal: waitFor } : waitFor;
  const timeout = wait.timeout ?? step.timeout;
  return {
    waitFor: {
      signal: wait.signal,
      ...(timeout === undefined ? {} : { timeout }),
      ...(wait.default === undefined ? {} : { default: wait.default }),
    },
  };
}

function retriesOf({ retries = {}, delivery }: ParsedStep): RetryPolicy {
  const policy = retryPolicy(retries);
  return delivery === 'at-most-once' ? { ...policy, maxAttempts: 1 } : policy;
}

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

/** A round sends again what may have been acted on: never a step that is sent at most once. */
function stepPolicyField(step: ParsedStep, context: StepContext): { failurePolicy?: FailurePolicy } {
  const own = policyField(step);
  const isRetried = (own.failurePolicy ?? context.failurePolicy) === 'retry';
  return step.delivery === 'at-most-once' && isRetried ? { failurePolicy: 'fail' } : own;
}

interface Policied {
  readonly failurePolicy?: FailurePolicy | undefined;
  readonly continueOnFailure?: boolean | undefined;
}

/** `continueOnFailure: true` is another way to write `failurePolicy: "continue"`. */
function policyField({ failurePolicy, continueOnFailure }: Policied): { failurePolicy?: FailurePolicy } {
  const policy = failurePolicy ?? (continueOnFailure ? 'continue' : undefined);
  return policy === undefined ? {} : { failurePolicy: policy };
}
