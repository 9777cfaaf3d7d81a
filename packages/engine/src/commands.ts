import type { DeliveryKind, StepError } from './state.ts';

/** What a dispatcher or a person asks of a run. */
export type Command =
  | { readonly type: 'start' }
  | { readonly type: 'startAttempt'; readonly delivery: DeliveryKind; readonly step?: string | undefined }
  | EndAttempt
  /** After a takeover: every exchange that the journal shows open had another process for its owner. */
  | { readonly type: 'loseAttempts' }
  /** We gave the exchange up ourselves: the lease was in doubt, or this process is stopping. */
  | {
      readonly type: 'loseAttempt';
      readonly delivery: DeliveryKind;
      readonly step?: string | undefined;
      readonly attempt: number;
    }
  | { readonly type: 'timeOut' }
  | Cancel
  | { readonly type: 'quarantine'; readonly code: string; readonly message: string };

export interface EndAttempt {
  readonly type: 'endAttempt';
  readonly delivery: DeliveryKind;
  readonly step?: string | undefined;
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

/** What an exchange meant (see protocol's classifyAnswer). */
export type Outcome =
  | { readonly kind: 'success'; readonly status?: number | undefined; readonly result: string }
  | {
      readonly kind: 'failure';
      readonly retryable: boolean;
      readonly error: StepError;
      readonly status?: number | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly excerpt?: string | undefined;
    };

/** A command that does not fit the state. `code` is stable and part of the public contract. */
export interface Rejection {
  readonly code: 'run_not_pending' | 'attempt_not_open' | 'delivery_not_due' | 'run_ended' | 'run_ending';
  readonly message: string;
}
