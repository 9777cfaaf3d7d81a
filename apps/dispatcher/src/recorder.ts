import type { Journal, JournalEntry } from '@waybill/store';
import type { Clock } from './clock.ts';
import { bytesKept } from './entry-bytes.ts';
import type { OwnedRun, OwnedRuns } from './owned-runs.ts';

export interface RecorderOptions {
  readonly journal: Pick<Journal, 'append'>;
  readonly runs: OwnedRuns;
  readonly clock: Clock;
  readonly runStateBytesMax: number;
  /** The run has outgrown the limit. Told once. */
  readonly onTooLarge: (run: OwnedRun) => void;
}

/** A queue row may be behind by this and by as much as it says: below, telling it costs more than it saves. */
const untoldBytesMax = 32 * 1024;

/** The journal as drivers see it: takes note of what their entries mean for memory, idleness and suspicion. */
export class Recorder {
  readonly #options: RecorderOptions;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  append(entry: JournalEntry): Promise<void> {
    const { journal, runs, clock } = this.#options;
    const run = runs.get(entry.run.uuid);
    if (!run) return journal.append(entry);
    run.unsettled++;
    run.activeAtMs = clock.monotonic();
    this.#grow(run, bytesKept(entry.events));
    const isCleared = run.claims > 0 && entry.events.some((event) => !takeoverTypes.has(event.type));
    const isLarger = run.bytes > 2 * run.queuedBytes + untoldBytesMax;
    if (isLarger) run.queuedBytes = run.bytes;
    const queue = isCleared || isLarger ? { bytes: run.bytes, parkedUntilMs: null } : undefined;
    return this.#settle(run, queue ? { ...entry, queue } : entry, isCleared);
  }

  #grow(run: OwnedRun, bytes: number): void {
    const { runs, runStateBytesMax, onTooLarge } = this.#options;
    const wasWithin = run.bytes <= runStateBytesMax;
    runs.grow(run, bytes);
    // Not from within the transition that brought it there.
    if (wasWithin && run.bytes > runStateBytesMax) queueMicrotask(() => onTooLarge(run));
  }

  async #settle(run: OwnedRun, entry: JournalEntry, isCleared: boolean): Promise<void> {
    const { journal, runs } = this.#options;
    try {
      await journal.append(entry);
      if (isCleared) runs.clear(run);
    } finally {
      run.unsettled--;
    }
  }
}

/** What follows from a takeover alone is no progress: a run that kills its owners gets that far each time. */
const takeoverTypes: ReadonlySet<string> = new Set(['run.started', 'attempt.started', 'attempt.lost']);
