import type { RunEvent } from '@waybill/engine';
import { Counter, type Registry } from 'prom-client';
import { bound } from './bound.ts';

/** Runs that ended, by state. */
export class RunCounts {
  readonly #completed: Counter.Internal;
  readonly #failed: Counter.Internal;
  readonly #cancelled: Counter.Internal;
  readonly #quarantined: Counter<'code'>;

  constructor(registry: Registry) {
    const counter = new Counter({
      name: 'waybill_runs_ended_total',
      help: 'Runs that ended, by state.',
      labelNames: ['state'],
      registers: [registry],
    });
    this.#completed = bound(counter, { state: 'completed' });
    this.#failed = bound(counter, { state: 'failed' });
    this.#cancelled = bound(counter, { state: 'cancelled' });
    this.#quarantined = new Counter({
      name: 'waybill_runs_quarantined_total',
      help: 'Runs ended so that others go on, by code; they count as failed, too.',
      labelNames: ['code'],
      registers: [registry],
    });
  }

  count(event: RunEvent): void {
    const { type } = event;
    if (type === 'run.completed') this.#completed.inc();
    else if (type === 'run.failed' || type === 'run.quarantined') this.#failed.inc();
    if (type === 'run.quarantined') this.#quarantined.inc({ code: event.error.code });
    else if (type === 'run.cancelled') this.#cancelled.inc();
  }
}
