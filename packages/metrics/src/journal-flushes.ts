import { Counter, Histogram, type Registry, type Summary } from 'prom-client';
import { lastMinute } from './last-minute.ts';

const kib = 1024;

/** One commit for many transitions. */
export interface Flush {
  readonly entries: number;
  readonly bytes: number;
  readonly durationMs: number;
}

/** Flushes of the journals of this process. */
export class JournalFlushes {
  readonly #durations: Summary;
  readonly #bytes: Histogram;
  readonly #entries: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#durations = lastMinute(registry, {
      name: 'waybill_journal_flush_duration_seconds',
      help: 'How long flushes of the journal took, over the last minute.',
      percentiles: [0.5, 0.9, 0.99],
    });
    this.#bytes = new Histogram({
      name: 'waybill_journal_flush_bytes',
      help: 'What one flush of the journal carries, about.',
      buckets: [4 * kib, 64 * kib, 512 * kib, 2048 * kib, 8192 * kib],
      registers,
    });
    this.#entries = new Counter({
      name: 'waybill_journal_entries_total',
      help: 'Transitions given to flushes of the journal.',
      registers,
    });
  }

  observe({ entries, bytes, durationMs }: Flush): void {
    this.#durations.observe(durationMs / 1000);
    this.#bytes.observe(bytes);
    this.#entries.inc(entries);
  }
}
