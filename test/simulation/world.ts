import type { Alarm } from '@waybill/store';

interface Happening extends Alarm {
  readonly atMs: number;
  /** Of two at once, the one that was asked for first. */
  readonly order: number;
  fire: (() => void) | null;
}

/** Virtual time and everything that is to happen in it. It advances from one happening to the next. */
export class World {
  nowMs: number;
  readonly log: string[] = [];
  readonly crashes: string[] = [];
  readonly #startMs: number;
  readonly #heap: Happening[] = [];
  #order = 0;
  #happened = 0;

  constructor(startMs: number) {
    this.nowMs = startMs;
    this.#startMs = startMs;
  }

  get happened(): number {
    return this.#happened;
  }

  /** Thrown where nobody catches it: a process would have died of it. */
  crashed(error: unknown): void {
    const { message, cause } = error as Error;
    this.crashes.push(`crash: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}`);
  }

  note(line: string): void {
    this.log.push(`${(this.nowMs - this.#startMs).toFixed(1)} ${line}`);
  }

  after(delayMs: number, fire: () => void): Alarm {
    const happening: Happening = {
      atMs: this.nowMs + Math.max(0, delayMs),
      order: this.#order++,
      fire,
      cancel() {
        this.fire = null;
      },
    };
    this.#push(happening);
    return happening;
  }

  /** Lets things happen until `isOver`, or until nothing does before `untilMs`. */
  async run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    while (!isOver()) {
      const next = this.#heap[0];
      if (!next || next.atMs > untilMs) {
        this.nowMs = Math.max(this.nowMs, untilMs);
        return;
      }
      this.#pop();
      if (next.fire === null) continue;
      this.nowMs = next.atMs;
      this.#happened++;
      try {
        next.fire();
      } catch (error) {
        this.crashed(error);
      }
      await settled();
    }
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let position = heap.push(happening) - 1;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!isBefore(happening, heap[parent]!)) break;
      heap[position] = heap[parent]!;
      position = parent;
    }
    heap[position] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let position = 0;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[position] = heap[child]!;
      position = child;
    }
    heap[position] = last;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Every promise that could go on has: nothing in the simulation waits for anything but the world. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
