export type RunState = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';
export type RunPhase = 'running' | 'waiting' | 'paused' | 'draining' | 'compensating' | 'hooks' | 'done';
export type StepState = 'pending' | 'waiting' | 'running' | 'completed' | 'failed' | 'skipped' | 'cancelled';

/** Why a step was skipped or cancelled, or ended with its run. A newer server may know more. */
export type StepReason =
  | 'condition_not_met'
  | 'upstream_skipped'
  | 'branch_not_taken'
  | 'skipped_by_hand'
  | 'upstream_failed'
  | 'too_many_failures'
  | 'run_failed'
  | 'run_timeout'
  | 'run_cancelled';

export interface StepError {
  readonly code: string;
  readonly message: string;
  /** HTTP status of the answer that failed the attempt. */
  readonly status?: number;
  /** The handler may have acted although no answer says so. */
  readonly outcome?: 'unknown';
  /** What else the handler said of its error. */
  readonly details?: unknown;
}

/** Times are ISO 8601 UTC, durations seconds. */
export interface StepStatus {
  readonly id: string;
  readonly state: StepState;
  /** What a step that is running, or asleep, or waiting for its signal is busy with. */
  readonly phase: 'open' | 'backoff' | 'callback' | 'child' | 'instances' | 'sleeping' | 'signal' | null;
  readonly reason: StepReason | (string & {}) | null;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  /** How many were started. */
  readonly attempts: number;
  readonly result: unknown;
  readonly error: StepError | null;
  /** `unknown`: the handler may have acted although no answer says so. */
  readonly outcome: 'unknown' | null;
  /** What the handler said of its work with the latest heartbeat that said something. */
  readonly progress: {
    readonly percent: number | null;
    readonly note: string | null;
    readonly at: string;
  } | null;
  readonly dependsOn: readonly string[];
  readonly parallel: boolean;
  readonly timeout: number;
  /** Null for a step that sends nothing itself. */
  readonly url: string | null;
  /** Seconds. */
  readonly sleep?: number;
  readonly waitFor?: { readonly signal: string; readonly timeout?: number; readonly default?: unknown };
  /** Key of the workflow whose run this step is, and that run's id once it has started. */
  readonly workflow?: string;
  readonly childRunId?: string | null;
  /** Of a `forEach`: how many; they are steps of their own, `id[0]` and so on. */
  readonly instances?: number;
  /** Of an instance. */
  readonly index?: number;
  readonly item?: unknown;
}

/** Of a compensation or a hook: `running` once its first attempt was sent. */
export type DeliveryState = 'pending' | 'running' | 'completed' | 'failed';

export interface CompensationStatus {
  readonly stepId: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly error: StepError | null;
}

export interface HookStatus {
  readonly kind: string;
  readonly url: string;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly error: StepError | null;
}

/** A run as lists show it. */
export interface RunSummary {
  readonly id: string;
  readonly workflowId: string;
  readonly version: number;
  readonly state: RunState;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface RunStatus extends RunSummary {
  readonly phase: RunPhase;
  /** Of a delayed start: pending until then. */
  readonly startAt: string | null;
  /** Seconds. */
  readonly timeout: number;
  /** First running step in definition order. */
  readonly currentStep: string | null;
  readonly currentSteps: readonly string[];
  readonly completedSteps: readonly string[];
  readonly failedSteps: readonly string[];
  readonly skippedSteps: readonly string[];
  readonly context: Readonly<Record<string, unknown>>;
  /** Step id to the raw result. */
  readonly results: Readonly<Record<string, unknown>>;
  readonly error: (StepError & { readonly stepId?: string }) | null;
  readonly compensation: readonly CompensationStatus[];
  readonly hooks: readonly HookStatus[];
  /** The run that this one is a step of. */
  readonly parentRunId: string | null;
  /** The run that this one repeats. */
  readonly rerunOf: string | null;
  readonly steps: readonly StepStatus[];
}

/** One HTTP exchange of a step or of its compensation. */
export interface Attempt {
  readonly delivery: 'step' | 'compensation';
  /** Counted from 1. */
  readonly attempt: number;
  /**
   * `lost`: the process that sent it is gone, or gave it up. `aborted`: its step ended without it, as `error` says.
   * Whether the handler acted is unknown of both.
   */
  readonly state: 'open' | 'completed' | 'failed' | 'lost' | 'aborted';
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly durationMs: number | null;
  /** HTTP status; null when no answer came. */
  readonly status: number | null;
  readonly error: StepError | null;
  /** When the next attempt is due. */
  readonly retryAt: string | null;
  /** All null for a sub-workflow, which no request starts. `body`: the first characters, without links. */
  readonly request: {
    readonly url: string | null;
    readonly webhookId: string | null;
    readonly body: string | null;
  };
  /** The run that a sub-workflow step was. */
  readonly childRunId?: string;
  /** First characters of the answer that failed the attempt, or of the result of the step. */
  readonly answer: string | null;
}

/** A stored version of a workflow, defaults filled in and URLs absolute. Put as it is, it is the same version. */
export interface StoredWorkflow {
  readonly key: string;
  readonly version: number;
  /** Absent in the answer of `put`. */
  readonly createdAt?: string;
  readonly definition: Readonly<Record<string, unknown>>;
}

/** What `put` answers. */
export interface PutWorkflow extends StoredWorkflow {
  /** What the definition may say and is likely to regret. */
  readonly warnings: readonly { readonly path: string; readonly message: string }[];
}

/** One page of a list, newest first. `nextCursor` is null on the last page. */
export interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

const TERMINAL_STATES: readonly RunState[] = ['completed', 'failed', 'cancelled'];

export function isTerminal({ state }: { readonly state: RunState }): boolean {
  return TERMINAL_STATES.includes(state);
}
