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
export interface StepSettings<StepId extends string = string> {
  /** `false` (default): one at a time among such steps, in definition order. `true`: as soon as it is ready. */
  readonly parallel?: boolean;
  readonly retries?: RetryConfig;
  /** Per attempt, the wait for a callback included. Default 300 s. */
  readonly timeout?: Duration;
  /** Default: that of the workflow. */
  readonly failurePolicy?: FailurePolicy;
  /** `true` is another way to write `failurePolicy: 'continue'`. */
  readonly continueOnFailure?: boolean;
  /** Sent to the handler as `payload`. Of a sub-workflow its context. */
  readonly payload?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Called with the step's result to undo it, when `saga` is on and the run fails. */
  readonly compensation?: string;
  readonly runCondition?: RunCondition;
  /** `true` is another way to write `runCondition: 'always'`. */
  readonly runAfterFailure?: boolean;
  /** Runs when all dependencies have ended and at least one has succeeded. */
  readonly allowPartialDependencies?: boolean;
  readonly join?: Join;
  /** CEL over `context` and the `steps` above, once its condition holds: `false` skips it. */
  readonly when?: string;
  /** CEL that gives a list: one request for each item, with `item` and `index`. The result is their list. */
  readonly forEach?: string;
  /** Of a `forEach`: items under way at once, 1 to 10,000. Default 10. */
  readonly maxConcurrency?: number;
  /** Of a `forEach`: how many items may fail, a count or a share such as `"10%"`. Default 0. */
  readonly toleratedFailures?: number | `${number}%`;
  /** Not before this long after the run's start, and not before its condition holds. */
  readonly delay?: Duration;
  /** Not before this time; instead of `delay`. As text ISO 8601. */
  readonly runAt?: string | Date;
  /** `at-most-once`: one attempt, which fails when its outcome is lost. Default `at-least-once`. */
  readonly delivery?: 'at-most-once' | 'at-least-once';
  /** Whose results come with its requests as `previousSteps`. Default: all above it. */
  readonly input?: 'dependencies' | 'none' | readonly StepId[];
  /** A completed step that took longer counts as slow: `step.slow` among the run's events. */
  readonly slowAfter?: Duration;
}

/** Waits for a signal of the run. Another way to write `{ signal }` is its name alone. */
export interface SignalWait {
  readonly signal: string;
  /** Default: as long as the run may take. */
  readonly timeout?: Duration;
  /** The result when the time is over; without it the step fails then, `signal_timeout`. */
  readonly default?: unknown;
}

/** What a step does, one of four. The last three send nothing, and take no settings of requests. */
export type StepAction =
  | {
      /** Absolute, or a path below the project's base URL. */
      readonly url: string;
      readonly sleep?: never;
      readonly waitFor?: never;
      readonly workflow?: never;
    }
  | {
      readonly url?: never;
      /** How long, from when its condition holds. */
      readonly sleep: Duration;
      readonly waitFor?: never;
      readonly workflow?: never;
    }
  | {
      readonly url?: never;
      readonly sleep?: never;
      /** The signal whose data are its result. */
      readonly waitFor: string | SignalWait;
      readonly workflow?: never;
    }
  | {
      readonly url?: never;
      readonly sleep?: never;
      readonly waitFor?: never;
      /** Key of the workflow that it runs; `payload` is that run's context, or else this run's. */
      readonly workflow: string;
    };

export interface StepFields<StepId extends string = string> extends StepSettings<NoInfer<StepId>> {
  readonly id: StepId;
  readonly dependsOn?: NoInfer<StepId> | readonly NoInfer<StepId>[];
}

export type WorkflowStep<StepId extends string = string> = StepFields<StepId> & StepAction;

/** A step that is added to a run. `parallel` is `true` when absent. */
export type AddedStep = WorkflowStep & {
  /** One more dependency, the first. */
  readonly parent?: string;
};

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
  /** Requests of the run in flight at once, 1 to 10,000. Default: as many as there are. */
  readonly maxConcurrency?: number;
  /** For all steps on which they have an effect; a step's own fields win. */
  readonly defaults?: StepSettings<NoInfer<StepId>>;
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
