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

export interface Watchdog {
  readonly signal: AbortSignal;
  /** What comes next may take so long, and no longer. */
  arm(): void;
  disarm(): void;
  /** Aborts what is still open. */
  end(): void;
}

/** Aborts its signal when it has been armed for `silenceMs`. */
export function createWatchdog(silenceMs: number): Watchdog {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const disarm = () => clearTimeout(timer);
  const end = () => {
    disarm();
    controller.abort();
  };
  const arm = () => {
    disarm();
    timer = setTimeout(end, silenceMs);
  };
  return { signal: controller.signal, arm, disarm, end };
}
