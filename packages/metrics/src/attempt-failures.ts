import { Counter, type Registry } from 'prom-client';
import { bound } from './bound.ts';

/** Codes of our own: a handler may send any, and each label is kept for good. */
const ownCodes = [
  'attempt_lost',
  'timeout',
  'connect_failed',
  'connection_lost',
  'endpoint_gone',
  'address_refused',
  'url_refused',
  'header_refused',
  'response_too_large',
  'result_too_large',
  'input_too_large',
  'run_state_too_large',
  'invalid_next',
  'invalid_steps',
  'step_conflict',
  'context_too_large',
  'unknown_workflow',
  'too_deep',
  'workflow_failed',
  'workflow_cancelled',
] as const;

/** Attempts that failed, by the code of their error. */
export class AttemptFailures {
  readonly #own: ReadonlyMap<string, Counter.Internal>;
  readonly #status: Counter.Internal;
  readonly #handler: Counter.Internal;

  constructor(registry: Registry) {
    const counter = new Counter({
      name: 'waybill_attempt_failures_total',
      help: "Attempts that failed, by code: http_error for every http_…, handler for a handler's own.",
      labelNames: ['code'],
      registers: [registry],
    });
    this.#own = new Map(ownCodes.map((code) => [code, bound(counter, { code })]));
    this.#status = bound(counter, { code: 'http_error' });
    this.#handler = bound(counter, { code: 'handler' });
  }

  count(code: string): void {
    const counter = this.#own.get(code) ?? (/^http_\d{3}$/.test(code) ? this.#status : this.#handler);
    counter.inc();
  }
}
