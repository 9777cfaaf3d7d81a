import { type Alarm, processRuntime, type Runtime } from '@waybill/store';
import type { Log } from './log.ts';

export interface LoopOptions {
  readonly name: string;
  readonly intervalMs: number;
  /** Answers true when there is likely more to do at once. */
  readonly tick: () => Promise<boolean>;
  readonly log: Log;
  /** Default: that of this process. */
  readonly runtime?: Runtime;
}

/** Up to a quarter is taken off each wait, so that processes started together drift apart. */
const jitterShare = 0.25;

/** Calls `tick` every interval, or sooner when poked; never twice at a time. */
export class Loop {
  readonly #options: LoopOptions;
  readonly #runtime: Runtime;
  #timer: Alarm | null = null;
  #running: Promise<void> | null = null;
  #isPoked = false;
  #isStopped = false;

  constructor(options: LoopOptions) {
    this.#options = options;
    this.#runtime = options.runtime ?? processRuntime;
  }

  start(): void {
    this.poke();
  }

  /** Ticks as soon as possible. */
  poke(): void {
    this.#isPoked = true;
    if (this.#isStopped || this.#running) return;
    this.#timer?.cancel();
    this.#timer = null;
    // Not within this call: the tick itself may poke.
    this.#running = Promise.resolve().then(() => this.#run());
  }

  /** Resolves when a tick under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isPoked && !this.#isStopped) {
      this.#isPoked = false;
      try {
        if (await this.#options.tick()) this.#isPoked = true;
      } catch (error) {
        this.#options.log.warn({ err: error }, `${this.#options.name} failed; it will be tried again`);
        this.#isPoked = false;
      }
    }
    this.#running = null;
    if (this.#isStopped) return;
    const wait = this.#options.intervalMs * (1 - jitterShare * this.#runtime.random());
    this.#timer = this.#runtime.after(wait, () => this.poke());
  }
}
