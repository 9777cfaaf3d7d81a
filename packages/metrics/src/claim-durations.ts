import { Counter, type Registry, type Summary } from 'prom-client';
import { lastMinute } from './last-minute.ts';

/** Claims of this process, and how long the database took for them. */
export class ClaimDurations {
  readonly #durations: Summary;
  readonly #claimed: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#durations = lastMinute(registry, {
      name: 'waybill_claim_duration_seconds',
      help: 'How long the database took for claims of runs, over the last minute.',
      percentiles: [0.5, 0.9, 0.99],
    });
    this.#claimed = new Counter({
      name: 'waybill_runs_claimed_total',
      help: 'Runs taken from the queue.',
      registers,
    });
  }

  observe(durationMs: number, runs: number): void {
    this.#durations.observe(durationMs / 1000);
    this.#claimed.inc(runs);
  }
}
