import type { DeliveryKind, RunEvent } from '@waybill/engine';
import { Counter, type Registry } from 'prom-client';
import { AttemptFailures } from './attempt-failures.ts';
import { bound } from './bound.ts';

interface Outcomes {
  readonly completed: Counter.Internal;
  readonly failed: Counter.Internal;
  readonly lost: Counter.Internal;
}

/** Attempts that ended, by what was delivered and how it went; those that failed, by code as well. */
export class AttemptCounts {
  readonly #outcomes: Readonly<Record<DeliveryKind, Outcomes>>;
  readonly #failures: AttemptFailures;

  constructor(registry: Registry) {
    const counter = new Counter({
      name: 'waybill_attempts_total',
      help: 'Attempts that ended, by what was delivered and by outcome.',
      labelNames: ['delivery', 'outcome'],
      registers: [registry],
    });
    const outcomes = (delivery: DeliveryKind): Outcomes => ({
      completed: bound(counter, { delivery, outcome: 'completed' }),
      failed: bound(counter, { delivery, outcome: 'failed' }),
      lost: bound(counter, { delivery, outcome: 'lost' }),
    });
    const [step, compensation, hook] = [outcomes('step'), outcomes('compensation'), outcomes('hook')];
    this.#outcomes = { step, compensation, hook };
    this.#failures = new AttemptFailures(registry);
  }

  count(event: RunEvent): void {
    switch (event.type) {
      case 'step.completed':
      case 'compensation.completed':
      case 'hook.delivered':
        return this.#outcomes[event.delivery].completed.inc();
      case 'attempt.failed':
      case 'step.failed':
      case 'compensation.failed':
      case 'hook.failed':
        this.#failures.count(event.error.code);
        return this.#outcomes[event.delivery].failed.inc();
      case 'attempt.lost':
        return this.#outcomes[event.delivery].lost.inc();
    }
  }
}
