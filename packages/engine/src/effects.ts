import type { Delivery } from './state.ts';

/** What an event made due. Whoever only folds history passes none. */
export interface Effects {
  /** Deliveries to attempt now, or at their `retryAt`. */
  due(delivery: Delivery): void;
  /** The delivery was ended from outside: abort its exchange if one is in flight. */
  revoked(delivery: Delivery): void;
}

export const noEffects: Effects = { due() {}, revoked() {} };
