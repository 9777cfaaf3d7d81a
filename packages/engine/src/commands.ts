import type { StepDefinition } from './definition.ts';
import type { DeliveryKind, HookName, StepError } from './delivery.ts';
import type { Limit } from './limits.ts';

/** What a dispatcher or a person asks of a run. */
export type Command =
  | { readonly type: 'start' }
  | {
      readonly type: 'startAttempt';
      readonly delivery: DeliveryKind;
      readonly step?: string | undefined;
      readonly round?: number | undefined;
    }
  | EndAttempt
  /** After a takeover: every exchange that the journal shows open had another process for its owner. */
  | { readonly type: 'loseAttempts' }
  /** We gave the exchange up ourselves: the lease was in doubt, or this process is stopping. */
  | {
      readonly type: 'loseAttempt';
      readonly delivery: DeliveryKind;
      readonly step?: string | undefined;
      readonly round?: number | undefined;
      readonly attempt: number;
    }
  | { readonly type: 'timeOut' }
  /** A time that `Effects.wake` named has come. */
  | { readonly type: 'wakeStep'; readonly step: string }
  | { readonly type: 'expireAttempt'; readonly step: string; readonly attempt: number }
  | Callback
  | { readonly type: 'pause' | 'resume'; readonly commandId: string }
  | EndStep
  | AddSteps
  | Signal
  | StartChild
  | ChildEnded
  /** Of a run that failed: its failed steps once more, and what hangs from them. */
  | { readonly type: 'retry'; readonly commandId: string }
  | ResendHook
  | Cancel
  | Quarantine;

export interface Quarantine {
  readonly type: 'quarantine';
  readonly code: string;
  readonly message: string;
}

export interface EndAttempt {
  readonly type: 'endAttempt';
  readonly delivery: DeliveryKind;
  readonly step?: string | undefined;
  /** Of a hook, as in its events. */
  readonly round?: number | undefined;
  readonly attempt: number;
  readonly outcome: Outcome;
}

export interface Cancel {
  readonly type: 'cancel';
  readonly commandId: string;
  /** false: leave completed steps of a saga as they are. */
  readonly compensate: boolean;
  readonly reason?: string | undefined;
}

/**
 * An answer that came by itself. The token names the attempt and opens the delivery: success of any attempt
 * is taken while the delivery is open, failure and heartbeats of the newest alone.
 */
export interface Callback {
  readonly type: 'callback';
  readonly commandId: string;
  readonly step: string;
  readonly round: number;
  readonly attempt: number;
  readonly outcome:
    | Outcome
    | { readonly kind: 'heartbeat'; readonly progress?: number; readonly note?: string };
}

/** Of a hook that nobody has accepted, of whichever round. */
export interface ResendHook {
  readonly type: 'resendHook';
  readonly commandId: string;
  readonly hook: HookName;
}

/** A person ends a step that has not ended. */
export interface EndStep {
  readonly type: 'skipStep' | 'completeStep';
  readonly commandId: string;
  readonly step: string;
  /** JSON text; of `completeStep`. */
  readonly result?: string | undefined;
  readonly note?: string | undefined;
}

/** Steps of any kind, as `parseAddedSteps` of the protocol gives them. The same ones again change nothing. */
export interface AddSteps {
  readonly type: 'addSteps';
  readonly commandId: string;
  readonly steps: readonly StepDefinition[];
}

export interface Signal {
  readonly type: 'signal';
  readonly commandId: string;
  readonly name: string;
  /** For this wait alone. */
  readonly step?: string | undefined;
  /** JSON text. */
  readonly payload: string;
}

/** A sub-workflow step that is due becomes a run of its own, or cannot. */
export interface StartChild {
  readonly type: 'startChild';
  readonly step: string;
  readonly child: { readonly id: string } | { readonly error: StepError };
}

export interface ChildEnded {
  readonly type: 'childEnded';
  readonly commandId: string;
  readonly step: string;
  readonly round: number;
  readonly outcome: Outcome;
}

/** What an exchange meant (see protocol's classifyAnswer). */
export type Outcome = (
  | {
      readonly kind: 'success';
      readonly status?: number | undefined;
      readonly result: string;
      /** The direct dependents that run; the others are skipped. */
      readonly next?: readonly string[] | undefined;
    }
  | { readonly kind: 'pending'; readonly status?: number | undefined }
  | {
      readonly kind: 'failure';
      readonly retryable: boolean;
      readonly error: StepError;
      readonly status?: number | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly excerpt?: string | undefined;
    }
) & {
  /** Steps that the answer adds to the run, whatever else it says. */
  readonly addSteps?: readonly StepDefinition[] | undefined;
};

/** A command that does not fit the state. `code` is stable and part of the public contract. */
export interface Rejection {
  readonly code:
    | 'run_not_pending'
    | 'attempt_not_open'
    | 'delivery_not_due'
    | 'at_capacity'
    | 'run_ended'
    | 'run_ending'
    | 'step_not_open'
    | 'not_yet'
    | 'step_ended'
    | 'unknown_step'
    | 'invalid_steps'
    | 'step_conflict'
    | 'too_many_signals'
    | 'run_state_too_large'
    | 'run_not_failed'
    | 'unknown_hook'
    | 'hook_not_failed'
    | 'already_compensated';
  readonly message: string;
  readonly limit?: Limit | undefined;
}
