/** One wait for a run. Remembers a wake-up that comes while nobody waits. */
export class RunWatch {
  /** The poller wakes it for events newer than this; none before the first wait (seq is an int4). */
  seq = 2 ** 31 - 1;
  readonly awaited: 'ends' | 'everything';
  readonly #onClose: () => void;
  #isWoken = false;
  #resolve: (() => void) | null = null;

  constructor(awaited: 'ends' | 'everything', onClose: () => void) {
    this.awaited = awaited;
    this.#onClose = onClose;
  }

  wake(): void {
    this.#isWoken = true;
    this.#resolve?.();
  }

  /** Resolves at the next change after `seq` was read, after `timeoutMs`, or when the signal aborts. */
  async changed(seq: number, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    this.seq = seq;
    if (!this.#isWoken && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', end);
          resolve();
        };
        const timer = setTimeout(end, timeoutMs);
        signal?.addEventListener('abort', end);
        this.#resolve = end;
      });
    }
    this.#resolve = null;
    this.#isWoken = false;
  }

  close(): void {
    this.#onClose();
  }
}
