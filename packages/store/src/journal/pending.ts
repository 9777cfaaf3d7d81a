import { StoreError } from '../errors.ts';
import type { JournalEntry, RunRef } from './entry.ts';

export interface PendingEntry {
  readonly entry: JournalEntry;
  /** Given when it gets into a batch: an entry that never does leaves no gap. */
  firstSeq: number;
  resolve(): void;
  reject(error: StoreError): void;
}

/** Entries waiting for a flush, in order of arrival, and the runs that a flush on the wire touches. */
export class PendingEntries {
  #waiting: PendingEntry[] = [];
  readonly #busy = new Set<RunRef>();
  #bytes = 0;
  #onDrained: (() => void)[] = [];

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get length(): number {
    return this.#waiting.length;
  }

  push(pending: PendingEntry): void {
    this.#waiting.push(pending);
    this.#bytes += pending.entry.bytes;
  }

  /** The next batch: no run that is on the wire, at most `bytesMax` unless one entry alone is larger. */
  take(bytesMax: number): PendingEntry[] {
    const batch: PendingEntry[] = [];
    const left: PendingEntry[] = [];
    // Runs passed over in this batch: a later entry of theirs must not overtake the earlier one.
    const passedOver = new Set<RunRef>();
    let bytes = 0;
    for (const pending of this.#waiting) {
      const { run, bytes: size } = pending.entry;
      if (run.isDiscarded) {
        this.#bytes -= size;
        pending.reject(new StoreError('stale_run', 'an earlier transition of this run was not recorded'));
        continue;
      }
      const isOver = batch.length > 0 && bytes + size > bytesMax;
      if (isOver || this.#busy.has(run) || passedOver.has(run)) {
        left.push(pending);
        passedOver.add(run);
        continue;
      }
      batch.push(pending);
      bytes += size;
    }
    this.#waiting = left;
    for (const { entry } of batch) this.#busy.add(entry.run);
    // All that waited may have been rejected above.
    this.#notifyDrained();
    return batch;
  }

  /** A flush has settled. */
  release(batch: readonly PendingEntry[]): void {
    for (const { entry } of batch) {
      this.#busy.delete(entry.run);
      this.#bytes -= entry.bytes;
    }
    this.#notifyDrained();
  }

  rejectAll(error: StoreError): void {
    for (const pending of this.#waiting) {
      this.#bytes -= pending.entry.bytes;
      pending.reject(error);
    }
    this.#waiting = [];
    this.#notifyDrained();
  }

  /** Resolves when nothing waits and nothing is on the wire. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained.push(resolve);
      this.#notifyDrained();
    });
  }

  #notifyDrained(): void {
    if (this.#waiting.length > 0 || this.#busy.size > 0) return;
    for (const resolve of this.#onDrained) resolve();
    this.#onDrained = [];
  }
}
