/** Time as the engine wants it. The only reader of the process clock in this room. */
export interface Clock {
  /** Engine time in epoch ms: the database's clock, carried forward monotonically. */
  now(): number;
  /** Monotonic ms, for lengths of time. */
  monotonic(): number;
  /** Takes a reading of the database's clock (epoch ms), asked for at monotonic time `askedAt`. */
  adjust(databaseMs: number, askedAt: number): void;
}

export function createClock(): Clock {
  let offset = Date.now() - performance.now();
  let latest = 0;
  return {
    now() {
      // Never backwards, also when a later reading turns out smaller.
      latest = Math.max(latest, Math.floor(performance.now() + offset));
      return latest;
    },
    monotonic: () => performance.now(),
    adjust(databaseMs, askedAt) {
      offset = databaseMs - (askedAt + performance.now()) / 2;
    },
  };
}
