import type { StepDefinition } from './definition.ts';
import type { DeliveryKind, StepError } from './delivery.ts';
import type { Limit } from './limits.ts';
import type { ParentLink, RunError, StepReason } from './state.ts';

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
  | StepsAdded
  | StepAdmitted
  | StepExpanded
  | StepFaulted
  | StepBegan
  | SignalReceived
  | SignalTaken
  | WaitOver
  | StepGathered
  | ChildStarted
  | StepCopied
  | DeliveryCompleted
  | DeliveryFailed
  | DeliveryGivenUp
  | RunTimedOut
  | RunCancelling
  | RunDrained
  | RunPaused
  | StepSkipped
  | StepPassed
  | RunRetrying
  | RunReopened
  | HookReopened
  | RunCompensating
  | RunEnded
  | RunQuarantined
  | CommandApplied
  | CommandRefused;

interface At {
  readonly at: number;
}

/** Names an attempt of a delivery: of a step or its compensation, or of a hook. */
interface OfAttempt extends At {
  readonly delivery: DeliveryKind;
  readonly step?: string | undefined;
  /** Of a hook: its place among the hooks of the run; the last one without it. */
  readonly round?: number | undefined;
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
  /** Set when the run is a step of another. */
  readonly parent?: ParentLink | undefined;
  /** The run that this one repeats in part. */
  readonly rerunOf?: string | undefined;
  /** Not before this time; engine time in ms. */
  readonly startAt?: number | undefined;
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
/** Steps that the definition does not have; those of a handler's answer come before its end. */
export interface StepsAdded extends At {
  readonly type: 'steps.added';
  /** The step whose answer added them. */
  readonly step?: string | undefined;
  readonly steps: readonly StepDefinition[];
}
/** Its `when` was evaluated, the only time: true, or false. */
export interface StepAdmitted extends At {
  readonly type: 'step.admitted' | 'step.declined';
  readonly step: string;
}
/** The list of its `forEach` was evaluated, and its `when` was true if it has one. */
export interface StepExpanded extends At {
  readonly type: 'step.expanded';
  readonly step: string;
  /** JSON text of the list. */
  readonly result: string;
}
/** Failed without being sent. */
export interface StepFaulted extends At {
  readonly type: 'step.faulted';
  readonly step: string;
  readonly error: StepError;
}
/** It sleeps, or waits for its signal: until then, or as long as the run may take. */
export interface StepBegan extends At {
  readonly type: 'step.began';
  readonly step: string;
  readonly until?: number | undefined;
}
export interface SignalReceived extends At {
  readonly type: 'signal.received';
  readonly name: string;
  /** Meant for this wait alone. */
  readonly step?: string | undefined;
  /** JSON text of the payload. */
  readonly result: string;
}
/** The wait ends with the oldest signal that is there for it. */
export interface SignalTaken extends At {
  readonly type: 'signal.taken';
  readonly step: string;
  /** When it began to wait; absent when the signal was there before. */
  readonly startedAt?: number | undefined;
}
/** Its time is over: it has slept, or its wait ends with its default. */
export interface WaitOver extends At {
  readonly type: 'wait.over';
  readonly step: string;
  readonly startedAt: number;
  /** JSON text. */
  readonly result: string;
}
/** All instances of a `forEach` have ended, or there are none: now it has, with `error` as failed. */
export interface StepGathered extends At {
  readonly type: 'step.gathered';
  readonly step: string;
  /** When the first of them was sent. */
  readonly startedAt?: number | undefined;
  readonly error?: StepError | undefined;
}
/** The step is another run from now on, which the same commit created. */
export interface ChildStarted extends At {
  readonly type: 'child.started';
  readonly delivery: 'step';
  readonly step: string;
  readonly attempt: number;
  readonly child: string;
}
/** As it ended in the run that this one repeats. With `error` it failed, as an instance of a `forEach` may. */
export interface StepCopied extends At {
  readonly type: 'step.copied';
  readonly step: string;
  /** JSON text; absent for a `forEach`, whose result is that of its instances. */
  readonly result?: string | undefined;
  readonly error?: StepError | undefined;
  /** Why it was skipped. */
  readonly skipped?: StepReason | undefined;
  readonly startedAt: number | null;
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
/** Between two attempts the time of its `giveUpAfter` ran out: it failed with its last error. */
export interface DeliveryGivenUp extends At {
  readonly type: 'step.given_up' | 'compensation.given_up';
  readonly step: string;
  readonly error: StepError;
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
/** A person has the failed steps, and what hangs from them, sent again. */
export interface RunReopened extends At {
  readonly type: 'run.reopened';
  /** The pause of the run and the hook that it owes go on. Journals without it were written when both ended here. */
  readonly keeps?: true | undefined;
}
/** A person has a hook that nobody accepted sent once more: the same delivery, with a fresh budget. */
export interface HookReopened extends At {
  readonly type: 'hook.reopened';
  /** As of an attempt. */
  readonly round?: number | undefined;
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
  readonly limit?: Limit | undefined;
}

export type RunEventType = RunEvent['type'];
