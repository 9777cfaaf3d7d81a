import type { Delivery } from '@waybill/engine';
import { type Alarm, processRuntime, type Runtime } from '@waybill/store';

/** How long an attempt's start row waits for the attempt's end. */
const delayMs = 50;

interface LazyStart {
  readonly delivery: Delivery;
  readonly record: () => void;
  readonly eligibleAt: number;
  isDropped: boolean;
}

/**
 * Rows that say an attempt has started. Nothing waits for them, and when the attempt ends within 50 ms its
 * end says the same: such a row is never written. Without this every fast step would cost a second row,
 * and its end would wait for the flush of its start.
 */
export class LazyStarts {
  readonly #runtime: Runtime;
  readonly #byDelivery = new Map<Delivery, LazyStart>();
  /** All wait equally long, so arrival order is the order of eligibility. */
  readonly #queue: LazyStart[] = [];
  #timer: Alarm | null = null;

  constructor(runtime: Runtime = processRuntime) {
    this.#runtime = runtime;
  }

  add(delivery: Delivery, record: () => void): void {
    const eligibleAt = this.#runtime.monotonic() + delayMs;
    const start: LazyStart = { delivery, record, eligibleAt, isDropped: false };
    this.#byDelivery.set(delivery, start);
    this.#queue.push(start);
    this.#timer ??= this.#runtime.after(delayMs, () => this.#tick());
  }

  /** The attempt has ended, or its run is gone. */
  drop(delivery: Delivery): void {
    const start = this.#byDelivery.get(delivery);
    if (!start) return;
    start.isDropped = true;
    this.#byDelivery.delete(delivery);
  }

  /** Does not wait for the end any longer. */
  recordNow(delivery: Delivery): void {
    const start = this.#byDelivery.get(delivery);
    this.drop(delivery);
    start?.record();
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#queue.length = 0;
    this.#byDelivery.clear();
  }

  #tick(): void {
    this.#timer = null;
    const now = this.#runtime.monotonic();
    let done = 0;
    for (; done < this.#queue.length; done++) {
      const start = this.#queue[done]!;
      if (start.eligibleAt > now) break;
      if (start.isDropped) continue;
      this.#byDelivery.delete(start.delivery);
      start.record();
    }
    this.#queue.splice(0, done);
    const next = this.#queue[0];
    if (!next) return;
    this.#timer = this.#runtime.after(Math.max(1, next.eligibleAt - now), () => this.#tick());
  }
}
