export interface StepError {
  readonly code: string;
  readonly message: string;
  /** HTTP status of the answer that failed the attempt. */
  readonly status?: number | undefined;
  /** Set where the handler may have acted although no answer says so. */
  readonly outcome?: 'unknown' | undefined;
  /** What else the handler said of its error. */
  readonly details?: unknown;
}

export type DeliveryKind = 'step' | 'compensation' | 'hook';
export type HookName = 'onComplete' | 'onError';

/** What a handler has said of an attempt under way. */
export interface Progress {
  /** 0 to 100. */
  readonly percent: number | null;
  readonly note: string | null;
  /** Engine time in ms. */
  readonly at: number;
}

/** The obligation to POST one thing to one URL, and how far it has come. */
export interface Delivery {
  readonly kind: DeliveryKind;
  /** Step index; -1 for a hook. */
  readonly index: number;
  /** Attempts started, which is also the number of the newest. */
  attempts: number;
  /** Attempts that count against `maxAttempts`: lost ones do not. */
  spent: number;
  /** An exchange is in flight. */
  open: boolean;
  /** When the newest attempt started; engine time in ms. */
  attemptStartedAt: number;
  firstStartedAt: number | null;
  /** Its exchange is over and the attempt is not: a callback is awaited, or the end of a child run. */
  isPending: boolean;
  /**
   * How long the attempt may take, once a 202 or a heartbeat has said so: engine time in ms. Infinity where the end
   * of a child run is awaited, which has clocks of its own.
   */
  pendingUntil: number | null;
  /** Of the newest attempt, by its latest heartbeat that said something. */
  progress: Progress | null;
  /** Of a sub-workflow step: the run that its newest attempt is. */
  child: string | null;
  /** The attempt whose callback ended it, if one did. */
  callback: number | null;
  /** Back-off: not before this time; engine time in ms. */
  retryAt: number | null;
  error: StepError | null;
  state: 'open' | 'completed' | 'failed';
  /** Which sending of the step this is: a round of policy `retry`, or a retry by hand, is a new one. */
  readonly round: number;
}

/** What is left of a delivery that will not be sent: the attempts of earlier rounds, on which numbers go on. */
export function retired(delivery: Delivery | null): Delivery | null {
  if (delivery === null || delivery.attempts === 0) return null;
  const closed = {
    state: 'failed',
    open: false,
    isPending: false,
    retryAt: null,
    pendingUntil: null,
  } as const;
  return { ...delivery, ...closed, round: delivery.round - 1 };
}

/** A new round is a new delivery with a fresh budget, whose attempt numbers go on. */
export function createDelivery(kind: DeliveryKind, index: number, round = 0, attempts = 0): Delivery {
  return {
    kind,
    index,
    round,
    attempts,
    spent: 0,
    open: false,
    attemptStartedAt: 0,
    firstStartedAt: null,
    isPending: false,
    pendingUntil: null,
    progress: null,
    child: null,
    callback: null,
    retryAt: null,
    error: null,
    state: 'open',
  };
}
