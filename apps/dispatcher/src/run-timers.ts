import { type Delivery, isTerminal, type RunState, type WakeTarget } from '@waybill/engine';
import type { Timer, Timers } from './timers.ts';

export interface RunTimersOptions {
  readonly state: RunState;
  readonly timers: Timers;
  /** Around what a timer does: nobody else could catch what it throws. */
  readonly guard: (fire: () => void) => void;
  readonly onRetry: (delivery: Delivery) => void;
  readonly onWake: (target: WakeTarget) => void;
  readonly onTimeout: () => void;
}

/** The timers of one run: back-offs by delivery, times that steps and callbacks wait for, and its own timeout. */
export class RunTimers {
  readonly #options: RunTimersOptions;
  readonly #retries = new Map<Delivery, Timer>();
  readonly #wakes = new Set<Timer>();
  #timeout: Timer | null = null;
  /** From when the timeout counts. */
  #clockFrom: number | null = null;

  constructor(options: RunTimersOptions) {
    this.#options = options;
  }

  retryAt(delivery: Delivery, at: number): void {
    const timer = this.#at(at, () => {
      this.#retries.delete(delivery);
      this.#options.onRetry(delivery);
    });
    this.#retries.set(delivery, timer);
  }

  cancelRetry(delivery: Delivery): void {
    const timer = this.#retries.get(delivery);
    if (timer) this.#options.timers.cancel(timer);
    this.#retries.delete(delivery);
  }

  /** A wake-up that has become pointless is rejected when it comes: nothing has to take it back. */
  wakeAt(target: WakeTarget, at: number): void {
    this.callAt(at, () => this.#options.onWake(target));
  }

  /** The run's timeout counts from its start, and anew from a retry by hand. */
  armTimeout(): void {
    const { state, timers, onTimeout } = this.#options;
    const { clockFrom, plan } = state;
    if (clockFrom === null || clockFrom === this.#clockFrom || isTerminal(state.state)) return;
    if (this.#timeout) timers.cancel(this.#timeout);
    this.#clockFrom = clockFrom;
    this.#timeout = this.#at(clockFrom + plan.timeoutMs, onTimeout);
  }

  /** For what nothing takes back: it has to be harmless when it comes in vain. */
  callAt(at: number, fire: () => void): void {
    const timer = this.#at(at, () => {
      this.#wakes.delete(timer);
      fire();
    });
    this.#wakes.add(timer);
  }

  clear(): void {
    const { timers } = this.#options;
    for (const timer of [...this.#retries.values(), ...this.#wakes]) timers.cancel(timer);
    if (this.#timeout) timers.cancel(this.#timeout);
  }

  #at(at: number, fire: () => void): Timer {
    const { timers, guard } = this.#options;
    return timers.at(at, () => guard(fire));
  }
}
