import { randomUUID } from 'node:crypto';

/** Something that was to be called later. */
export interface Alarm {
  cancel(): void;
}

/**
 * Time and chance of a process, given to whatever decides by them: the journal, and all of a dispatcher. A simulation
 * gives its own, and then nothing happens that its seed does not say.
 */
export interface Runtime {
  /** Ms, for lengths of time. */
  monotonic(): number;
  after(delayMs: number, fire: () => void): Alarm;
  /** In the next turn of the event loop. */
  soon(fire: () => void): void;
  /** From 0 to below 1. */
  random(): number;
  readonly uuid: () => string;
}

/** That of this process. */
export const processRuntime: Runtime = {
  monotonic: () => performance.now(),
  after(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (fire) => void setImmediate(fire),
  random: () => Math.random(),
  uuid: () => randomUUID(),
};

export function delay(runtime: Runtime, ms: number): Promise<void> {
  return new Promise((resolve) => {
    runtime.after(ms, resolve);
  });
}
