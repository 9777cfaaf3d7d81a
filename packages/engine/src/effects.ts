import type { Delivery } from './delivery.ts';

/** What an event made due. Whoever only folds history passes none. */
export interface Effects {
  /** Deliveries to attempt now, or at their `retryAt`. */
  due(delivery: Delivery): void;
  /** Nothing to send: at this engine time the step, or the attempt's wait for its callback, needs a look. */
  wake(target: WakeTarget, at: number): void;
  /** The delivery was ended from outside: abort its exchange if one is in flight. */
  revoked(delivery: Delivery): void;
}

export type WakeTarget =
  | { readonly kind: 'step'; readonly step: string }
  | { readonly kind: 'attempt'; readonly step: string; readonly attempt: number };

export const noEffects: Effects = { due() {}, wake() {}, revoked() {} };
