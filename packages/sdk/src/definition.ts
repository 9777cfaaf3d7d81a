/** Seconds (fractions allowed), or a number with a unit: `"250ms"`, `"30s"`, `"5m"`, `"24h"`, `"7d"`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

export interface RetryConfig {
  /** All attempts, the first one included; 1 to 100. Default 3. */
  readonly maxAttempts?: number;
  /** Default `exponential`. */
  readonly backoff?: 'exponential' | 'linear' | 'fixed';
  /** Before the second attempt. Default 1 s. */
  readonly initialDelay?: Duration;
  /** Default 3600 s. */
  readonly maxDelay?: Duration;
  /** Of exponential back-off. Default 2. */
  readonly factor?: number;
  /** Explicit delays instead of a formula; the last one repeats. */
  readonly delays?: readonly Duration[];
  /** ±20 %. Default true. */
  readonly jitter?: boolean;
  /** Statuses worth another attempt, instead of 408, 425, 429 and 5xx. */
  readonly retryOn?: readonly number[];
  /** Bounds all attempts and delays together. */
  readonly giveUpAfter?: Duration;
}

/** When a step runs, judged by how its dependencies ended. Default `onSuccess`. */
export type RunCondition =
  | 'onSuccess'
  | 'always'
  | 'onFailure'
  | 'onCancelled'
  | 'onFailureOrCancelled'
  | 'onAnyCompleted'
  | 'inProgress';

/**
 * What the final failure of a step does: `fail` (default) ends the run, `continue` lets its dependents run,
 * `retry` sends the failed steps again once the rest has settled.
 */
export type FailurePolicy = 'fail' | 'continue' | 'retry';

/** `any`: as soon as one dependency has succeeded; `atLeast`: as soon as that many have. Default `all`. */
export type Join = 'all' | 'any' | { readonly atLeast: number };

/** What a step may set, and what a workflow may set for all its steps in `defaults`. */
export interface StepSettings {
  /** `false` (default): one at a time among such steps, in definition order. `true`: as soon as it is ready. */
  readonly parallel?: boolean;
  readonly retries?: RetryConfig;
  /** Per attempt, the wait for a callback included. Default 300 s. */
  readonly timeout?: Duration;
  /** Default: that of the workflow. */
  readonly failurePolicy?: FailurePolicy;
  /** `true` is another way to write `failurePolicy: 'continue'`. */
  readonly continueOnFailure?: boolean;
  /** Sent to the handler as `payload`. */
  readonly payload?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface WorkflowStep<StepId extends string = string> extends StepSettings {
  readonly id: StepId;
  /** Absolute, or a path below the project's base URL. */
  readonly url: string;
  readonly dependsOn?: NoInfer<StepId> | readonly NoInfer<StepId>[];
  /** Called with the step's result to undo it, when `saga` is on and the run fails. */
  readonly compensation?: string;
  readonly runCondition?: RunCondition;
  /** `true` is another way to write `runCondition: 'always'`. */
  readonly runAfterFailure?: boolean;
  /** Runs when all dependencies have ended and at least one has succeeded. */
  readonly allowPartialDependencies?: boolean;
  readonly join?: Join;
  /** Not before this long after the run's start, and not before its condition holds. */
  readonly delay?: Duration;
  /** Not before this time; instead of `delay`. As text ISO 8601. */
  readonly runAt?: string | Date;
  /** A completed step that took longer counts as slow: `step.slow` among the run's events. */
  readonly slowAfter?: Duration;
}

export interface WorkflowDefinition<StepId extends string = string, Context extends object = object> {
  /** The workflow's key. Many runs share it. */
  readonly id: string;
  readonly steps: readonly WorkflowStep<StepId>[];
  /** Of the run that `create` starts; the same in every request. Not part of the stored definition. */
  readonly context?: Context;
  /** URL called once when a run completes. */
  readonly onComplete?: string;
  /** URL called once when a run fails or is cancelled. */
  readonly onError?: string;
  /** Of the whole run. Default 24 h. */
  readonly timeout?: Duration;
  readonly saga?: boolean;
  readonly failurePolicy?: FailurePolicy;
  /** `true` is another way to write `failurePolicy: 'continue'`. */
  readonly continueOnFailure?: boolean;
  /** Of policy `retry`: how often the failed steps are sent again, 1 to 10. Default 1. */
  readonly retryRounds?: number;
  readonly defaults?: StepSettings;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Gives back what it gets; the types know the step ids, so `dependsOn` and `previousSteps` are checked. */
export function defineWorkflow<const StepId extends string, Context extends object = Record<string, unknown>>(
  definition: WorkflowDefinition<StepId, Context>,
): WorkflowDefinition<StepId, Context> {
  return definition;
}

export type StepIdOf<W> = W extends WorkflowDefinition<infer StepId, infer _> ? StepId : string;
export type ContextOf<W> = W extends WorkflowDefinition<infer _, infer Context> ? Context : never;
