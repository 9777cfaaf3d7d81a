import { Counter, type Registry, Summary } from 'prom-client';

/** Of the last minute: what matters is how claims are now, and how that compares with before. */
const windowSeconds = 60;

/** Claims of this process, and how long the database took for them. */
export class ClaimDurations {
  readonly #durations: Summary;
  readonly #claimed: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#durations = new Summary({
      name: 'waybill_claim_duration_seconds',
      help: 'How long the database took for claims of runs, over the last minute.',
      percentiles: [0.5, 0.9, 0.99],
      maxAgeSeconds: windowSeconds,
      ageBuckets: 6,
      registers,
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
