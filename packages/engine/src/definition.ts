import type { Limit } from './limits.ts';

/**
 * A workflow as the engine sees it: validated, defaults applied, URLs absolute.
 * Durations are seconds, as in the public definition; the plan turns them into milliseconds.
 */
export interface WorkflowDefinition {
  readonly id: string;
  readonly steps: readonly StepDefinition[];
  readonly onComplete?: string | undefined;
  readonly onError?: string | undefined;
  /** Seconds from the first claim to the forced end; compensation is outside it. */
  readonly timeout: number;
  readonly saga: boolean;
  readonly failurePolicy: FailurePolicy;
  /** Rounds of policy `retry`; 1 when absent. */
  readonly retryRounds?: number | undefined;
  /** Deliveries of a run in flight at once, at most. */
  readonly maxConcurrency?: number | undefined;
  /** As they were sent; `steps` have them already. Steps that are sent again have them too. */
  readonly defaults?: Readonly<Record<string, unknown>> | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** A step is a request to its `url`, or else one of `sleep`, `waitFor` and `workflow`. */
export interface StepDefinition {
  readonly id: string;
  readonly url?: string | undefined;
  /** Seconds from readiness. */
  readonly sleep?: number | undefined;
  readonly waitFor?: SignalWait | undefined;
  /** Key of the workflow whose run is this step. */
  readonly workflow?: string | undefined;
  readonly dependsOn: readonly string[];
  /** false puts the step in the run's serial lane. */
  readonly parallel: boolean;
  readonly retries: RetryPolicy;
  /** Seconds for one attempt, the wait for a callback included. */
  readonly timeout: number;
  readonly compensation?: string | undefined;
  /** `onSuccess` when absent. */
  readonly runCondition?: RunCondition | undefined;
  readonly allowPartialDependencies?: boolean | undefined;
  /** Starts as soon as this many dependencies have succeeded. */
  readonly join?: number | undefined;
  /** CEL over `context` and `steps`: evaluated once, when the condition holds; false skips the step. */
  readonly when?: string | undefined;
  /** CEL that gives a list: one instance of the step for each item. */
  readonly forEach?: string | undefined;
  /** Instances of a `forEach` under way at once; 10 when absent. */
  readonly maxConcurrency?: number | undefined;
  /** Instances of a `forEach` that may fail: a count, or a share such as "10%". None when absent. */
  readonly toleratedFailures?: number | string | undefined;
  /** Seconds from when the step came to be; it starts at the later of this and its condition. */
  readonly delay?: number | undefined;
  /** ISO 8601; instead of `delay`. */
  readonly runAt?: string | undefined;
  /** The workflow's when absent. */
  readonly failurePolicy?: FailurePolicy | undefined;
  /** One attempt at most: an attempt whose end is unknown fails the step. */
  readonly delivery?: 'at-most-once' | undefined;
  /** Which earlier results its requests carry; all that ended above it when absent. */
  readonly input?: 'dependencies' | 'none' | readonly string[] | undefined;
  /** Seconds after which a completed step counts as slow. */
  readonly slowAfter?: number | undefined;
  readonly payload?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface SignalWait {
  readonly signal: string;
  /** Seconds; as long as the run may take when absent. */
  readonly timeout?: number | undefined;
  /** The result when the time is over; without it the step fails then. */
  readonly default?: unknown;
}

/**
 * What a final failure does: `fail` ends the run, `continue` lets dependents take it as satisfied, `retry`
 * sends the failed steps again once the rest has settled.
 */
export type FailurePolicy = 'fail' | 'continue' | 'retry';

export type RunCondition =
  | 'onSuccess'
  | 'always'
  | 'onFailure'
  | 'onCancelled'
  | 'onFailureOrCancelled'
  | 'onAnyCompleted'
  | 'inProgress';

export type Backoff = 'exponential' | 'linear' | 'fixed';

export interface RetryPolicy {
  /** All attempts, the first included (1–100). */
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  /** Seconds. */
  readonly initialDelay: number;
  /** Seconds; no delay is ever above it. */
  readonly maxDelay: number;
  readonly factor: number;
  /** Seconds before attempts 2, 3, …; the last one repeats. Replaces the back-off. */
  readonly delays?: readonly number[] | undefined;
  /** ±20 % on every delay. */
  readonly jitter: boolean;
  /** Replaces the retryable statuses. */
  readonly retryOn?: readonly number[] | undefined;
  /** Seconds from the first attempt after which no further one is made. */
  readonly giveUpAfter?: number | undefined;
}

export const defaultRetryPolicy: RetryPolicy = {
  maxAttempts: 3,
  backoff: 'exponential',
  initialDelay: 1,
  maxDelay: 3600,
  factor: 2,
  jitter: true,
};

export interface DefinitionFault {
  /** Where, as in `steps[2].dependsOn[0]`. */
  readonly path: string;
  readonly message: string;
  /** Set when that is a limit of the platform. */
  readonly limit?: Limit | undefined;
}
