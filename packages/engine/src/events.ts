import type { DeliveryKind, RunError, StepError } from './state.ts';

/** A decided fact. `at` is engine time in ms: the database's clock carried forward monotonically. */
export type RunEvent =
  | RunCreated
  | RunStarted
  | AttemptStarted
  | AttemptFailed
  | AttemptLost
  | AttemptPending
  | AttemptExtended
  | StepWoken
  | DeliveryCompleted
  | DeliveryFailed
  | RunTimedOut
  | RunCancelling
  | RunDrained
  | RunPaused
  | StepSkipped
  | StepPassed
  | RunRetrying
  | RunCompensating
  | RunEnded
  | RunQuarantined
  | CommandApplied
  | CommandRefused;

interface At {
  readonly at: number;
}

/** Names an attempt of a delivery. `step` is absent for the hook: a run has at most one open. */
interface OfAttempt extends At {
  readonly delivery: DeliveryKind;
  readonly step?: string | undefined;
  readonly attempt: number;
}

/** An ended attempt repeats when it started, so that its own start event may be left out. */
interface OfEndedAttempt extends OfAttempt {
  readonly startedAt: number;
  readonly status?: number | undefined;
}

export interface RunCreated extends At {
  readonly type: 'run.created';
  /** Set when the run was claimed by the very transaction that created it. */
  readonly started?: true | undefined;
}
export interface RunStarted extends At {
  readonly type: 'run.started';
}
export interface AttemptStarted extends OfAttempt {
  readonly type: 'attempt.started';
}
export interface AttemptFailed extends OfEndedAttempt {
  readonly callback?: number | undefined;
  readonly type: 'attempt.failed';
  readonly error: StepError;
  readonly retryAt: number;
  /** First characters of the answer's body. */
  readonly excerpt?: string | undefined;
}
/** The dispatcher that sent it is gone; whether the handler acted is unknown. Does not count. */
export interface AttemptLost extends OfEndedAttempt {
  readonly type: 'attempt.lost';
}
/** The handler will answer by callback. */
export interface AttemptPending extends OfEndedAttempt {
  readonly callback?: number | undefined;
  readonly type: 'attempt.pending';
  readonly until: number;
}
/** A heartbeat of the handler: it is still at work. */
export interface AttemptExtended extends OfAttempt {
  readonly type: 'attempt.extended';
  readonly until: number;
  /** 0 to 100. */
  readonly progress?: number | undefined;
  readonly note?: string | undefined;
}
/** The time that a step waited for has come. */
export interface StepWoken extends At {
  readonly type: 'step.woken';
  readonly step: string;
}
export interface DeliveryCompleted extends OfEndedAttempt {
  /** The attempt whose token the callback carried that ended it. */
  readonly callback?: number | undefined;
  readonly type: 'step.completed' | 'compensation.completed' | 'hook.delivered';
  /** JSON text as it came (steps only). */
  readonly result?: string | undefined;
  /** The branches taken: direct dependents that are not named are skipped. */
  readonly next?: readonly string[] | undefined;
}
export interface DeliveryFailed extends OfEndedAttempt {
  readonly callback?: number | undefined;
  readonly type: 'step.failed' | 'compensation.failed' | 'hook.failed';
  readonly error: StepError;
  readonly excerpt?: string | undefined;
}
export interface RunTimedOut extends At {
  readonly type: 'run.timed_out';
}
export interface RunCancelling extends At {
  readonly type: 'run.cancelling';
  readonly compensate: boolean;
  readonly reason?: string | undefined;
}
/** Nothing is in flight any more in a run that is ending: steps of its failure path may start. */
export interface RunDrained extends At {
  readonly type: 'run.drained';
}
export interface RunPaused extends At {
  readonly type: 'run.paused' | 'run.resumed';
}
/** Ended by hand: its dependents see a skip. */
export interface StepSkipped extends At {
  readonly type: 'step.skipped';
  readonly step: string;
  readonly note?: string | undefined;
}
/** Completed without an answer of its handler. */
export interface StepPassed extends At {
  readonly type: 'step.passed';
  readonly step: string;
  /** JSON text. */
  readonly result: string;
  readonly note?: string | undefined;
}
/** Everything else has settled: the steps that failed under policy `retry` are sent again. */
export interface RunRetrying extends At {
  readonly type: 'run.retrying';
  readonly round: number;
}
export interface RunCompensating extends At {
  readonly type: 'run.compensating';
}
export interface RunEnded extends At {
  readonly type: 'run.completed' | 'run.failed' | 'run.cancelled';
}
/** The journal could not take this run's rows, or the run killed its dispatchers. It ends here. */
export interface RunQuarantined extends At {
  readonly type: 'run.quarantined';
  readonly error: RunError;
}
export interface CommandApplied extends At {
  readonly type: 'command.applied';
  readonly commandId: string;
}
export interface CommandRefused extends At {
  readonly type: 'command.refused';
  readonly commandId: string;
  readonly code: string;
  readonly detail: string;
}

export type RunEventType = RunEvent['type'];
