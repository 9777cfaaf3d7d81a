import { processRuntime, type Runtime } from '@waybill/store';

/** Time as the engine wants it, and as the process has it. */
export interface Clock extends Runtime {
  /** Engine time in epoch ms: the database's clock, carried forward monotonically. */
  now(): number;
  /** Takes a reading of the database's clock (epoch ms), asked for at monotonic time `askedAt`. */
  adjust(databaseMs: number, askedAt: number): void;
}

export interface ClockOptions {
  readonly runtime: Runtime;
  /** What the clock of this machine says: good until the first reading of the database's. */
  readonly epochMs: () => number;
}

/** A reading is off by up to half the time that it took. */
const readingMsMax = 1000;

export function createClock({ runtime, epochMs }: ClockOptions = thisProcess): Clock {
  let offset = epochMs() - runtime.monotonic();
  let latest = 0;
  let isRead = false;
  return {
    ...runtime,
    now() {
      // Never backwards, also when a later reading turns out smaller.
      latest = Math.max(latest, Math.floor(runtime.monotonic() + offset));
      return latest;
    },
    adjust(databaseMs, askedAt) {
      const nowMs = runtime.monotonic();
      // Somewhere on the way it, or this process, stood still: the next reading will be better.
      if (isRead && nowMs - askedAt > readingMsMax) return;
      isRead = true;
      offset = databaseMs - (askedAt + nowMs) / 2;
    },
  };
}

const thisProcess: ClockOptions = { runtime: processRuntime, epochMs: () => Date.now() };
