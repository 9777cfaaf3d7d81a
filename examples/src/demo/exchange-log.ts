import type { Exchange } from '../exchange.ts';

/** Remembers every exchange of the demo and lets it wait for one. */
export class ExchangeLog {
  readonly #exchanges: Exchange[] = [];
  readonly #waiting = new Set<() => void>();

  add(exchange: Exchange): void {
    this.#exchanges.push(exchange);
    for (const check of this.#waiting) check();
  }

  ofRun(runId: string): Exchange[] {
    return this.#exchanges.filter((exchange) => exchange.runId === runId);
  }

  /** Resolves with the run's hook once it was answered. */
  hook(runId: string): Promise<Exchange> {
    return new Promise((resolve) => {
      const check = () => {
        const hook = this.ofRun(runId).find(({ stepId }) => stepId === null);
        if (!hook) return;
        this.#waiting.delete(check);
        resolve(hook);
      };
      this.#waiting.add(check);
      check();
    });
  }
}
