import { Counter, type Registry, type Summary } from 'prom-client';
import { bound } from './bound.ts';
import { lastMinute } from './last-minute.ts';

/** Ticks of schedules that this process dealt with, and how late it started those that it did. */
export class ScheduleTicks {
  readonly #counts: Readonly<Record<'started' | 'skipped' | 'failed', Counter.Internal>>;
  readonly #lateness: Summary;

  constructor(registry: Registry) {
    const registers = [registry];
    const counter = new Counter({
      name: 'waybill_schedule_ticks_total',
      help: 'Ticks of schedules, by what became of them.',
      labelNames: ['outcome'],
      registers,
    });
    this.#counts = {
      started: bound(counter, { outcome: 'started' }),
      skipped: bound(counter, { outcome: 'skipped' }),
      failed: bound(counter, { outcome: 'failed' }),
    };
    this.#lateness = lastMinute(registry, {
      name: 'waybill_schedule_lateness_seconds',
      help: 'How long after their ticks runs of schedules were started, over the last minute.',
      percentiles: [0.5, 0.99],
    });
  }

  observe(outcome: 'started' | 'skipped' | 'failed', count: number, latenessesMs: readonly number[]): void {
    this.#counts[outcome].inc(count);
    for (const latenessMs of latenessesMs) this.#lateness.observe(latenessMs / 1000);
  }
}
