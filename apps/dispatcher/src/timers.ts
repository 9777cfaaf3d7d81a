import type { Alarm } from '@waybill/store';
import type { Clock } from './clock.ts';

export interface Timer {
  readonly at: number;
  readonly fire: () => void;
  /** Position in the heap; -1 once fired or cancelled. */
  position: number;
}

/** No sleep is longer, so that a step of the database's clock is noticed. */
const sleepMsMax = 60_000;

/** All timers of a dispatcher in one heap behind one of the process. Times are engine ms. */
export class Timers {
  readonly #clock: Clock;
  readonly #heap: Timer[] = [];
  #wake: Alarm | null = null;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#heap.length;
  }

  at(at: number, fire: () => void): Timer {
    const timer: Timer = { at, fire, position: this.#heap.length };
    this.#heap.push(timer);
    this.#up(timer);
    this.#arm();
    return timer;
  }

  cancel(timer: Timer): void {
    if (timer.position < 0) return;
    const last = this.#heap.pop()!;
    if (last !== timer) {
      this.#place(last, timer.position);
      this.#up(last);
      this.#down(last);
    }
    timer.position = -1;
  }

  clear(): void {
    for (const timer of this.#heap) timer.position = -1;
    this.#heap.length = 0;
    this.#wake?.cancel();
    this.#wake = null;
    this.#wakeAt = Number.POSITIVE_INFINITY;
  }

  /** Fires what is due. */
  tick(): void {
    const now = this.#clock.now();
    for (let top = this.#heap[0]; top && top.at <= now; top = this.#heap[0]) {
      this.cancel(top);
      top.fire();
    }
    this.#arm();
  }

  #arm(): void {
    const next = this.#heap[0]?.at;
    if (next === undefined || next >= this.#wakeAt) return;
    this.#wake?.cancel();
    this.#wakeAt = next;
    const wait = Math.min(Math.max(next - this.#clock.now(), 1), sleepMsMax);
    this.#wake = this.#clock.after(wait, () => {
      this.#wakeAt = Number.POSITIVE_INFINITY;
      this.tick();
    });
  }

  #place(timer: Timer, position: number): void {
    this.#heap[position] = timer;
    timer.position = position;
  }

  #up(timer: Timer): void {
    while (timer.position > 0) {
      const parent = this.#heap[(timer.position - 1) >> 1]!;
      if (parent.at <= timer.at) return;
      this.#swap(parent, timer);
    }
  }

  #down(timer: Timer): void {
    for (;;) {
      const left = this.#heap[2 * timer.position + 1];
      const right = this.#heap[2 * timer.position + 2];
      const least = right && left && right.at < left.at ? right : left;
      if (!least || least.at >= timer.at) return;
      this.#swap(timer, least);
    }
  }

  #swap(a: Timer, b: Timer): void {
    const position = a.position;
    this.#place(a, b.position);
    this.#place(b, position);
  }
}
