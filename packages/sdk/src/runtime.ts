/** Time and chance, in one place so that tests can hold them. */
export interface Runtime {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Unix milliseconds. */
  epochMs(): number;
  sleep(ms: number): Promise<void>;
  /** At least 0, below 1. */
  random(): number;
}

export const systemRuntime: Runtime = {
  nowMs: () => performance.now(),
  epochMs: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: () => Math.random(),
};
