import { connect, type Sql } from './connect.ts';
import { createPool } from './pool.ts';

/** `work`: a dispatcher should look at queue and inbox. `runs`: journals that somebody watches grew. */
export type HintChannel = 'work' | 'runs';

const hintIntervalMs = 5;
/** postgres.js listens again by itself, and while the server is away as often as it can. */
const reconnectDelayMs = 500;

/**
 * NOTIFY as a hint and nothing more: losing one costs at most a poll. Sent on a connection of its own,
 * never inside a transaction (its commit would take a global lock), at most one per channel in 5 ms.
 */
export class Hints {
  readonly #listener: Sql;
  readonly #sender: Sql;
  readonly #due = new Set<HintChannel>();
  #timer: NodeJS.Timeout | null = null;

  constructor(databaseUrl: string) {
    this.#listener = connect(databaseUrl, { name: 'listener', max: 1, reconnectDelayMs });
    this.#sender = createPool(databaseUrl, { name: 'hints', max: 1, silenceMsMax: 10_000 });
  }

  notify(channel: HintChannel): void {
    this.#due.add(channel);
    this.#timer ??= setTimeout(() => this.#send(), hintIntervalMs);
  }

  /** Calls back on every hint, and after each reconnect, when hints may have been lost. */
  listen(channel: HintChannel, onHint: () => void): void {
    // A refused LISTEN (PgBouncer, a dead server) leaves polling, which always runs.
    this.#listener.listen(`waybill_${channel}`, onHint, onHint).catch(() => {});
  }

  async close(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    await Promise.all([this.#listener, this.#sender].map((sql) => sql.end({ timeout: 1 })));
  }

  #send(): void {
    this.#timer = null;
    const channels = [...this.#due];
    this.#due.clear();
    const message = channels.map((channel) => `notify waybill_${channel}`).join(';');
    this.#sender.unsafe(message).catch(() => {});
  }
}
