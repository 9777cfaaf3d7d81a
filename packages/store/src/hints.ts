import { randomUUID } from 'node:crypto';
import { connect, discard, type Sql } from './connect.ts';
import { createPool } from './pool.ts';

/** `work`: a dispatcher should look at queue and inbox. `runs`: journals that somebody watches grew. */
export type HintChannel = 'work' | 'runs';

export interface HintsOptions {
  /** How often the listener is tried, and how long its own echo may take. */
  readonly checkIntervalMs?: number;
}

const hintIntervalMs = 5;
/** postgres.js listens again by itself, and while the server is away as often as it can. */
const reconnectDelayMs = 500;
/** Twice this at most until a listener that hears nothing is replaced. */
const checkIntervalMsDefault = 5000;

/**
 * NOTIFY as a hint and nothing more: losing one costs at most a poll. Sent on a connection of its own,
 * never inside a transaction (its commit would take a global lock), at most one per channel in 5 ms.
 */
export class Hints {
  readonly #databaseUrl: string;
  readonly #sender: Sql;
  readonly #due = new Set<HintChannel>();
  readonly #listening: { readonly channel: HintChannel; readonly onHint: () => void }[] = [];
  /** Only this listener hears it. */
  readonly #echoChannel = `waybill_echo_${randomUUID().replaceAll('-', '')}`;
  readonly #checkIntervalMs: number;
  #listener: Sql | null = null;
  #hasEcho = true;
  #timer: NodeJS.Timeout | null = null;
  #check: NodeJS.Timeout | null = null;

  constructor(databaseUrl: string, { checkIntervalMs = checkIntervalMsDefault }: HintsOptions = {}) {
    this.#databaseUrl = databaseUrl;
    this.#checkIntervalMs = checkIntervalMs;
    this.#sender = createPool(databaseUrl, { name: 'hints', max: 1, silenceMsMax: 10_000 });
  }

  notify(channel: HintChannel): void {
    this.#due.add(channel);
    this.#timer ??= setTimeout(() => this.#send(), hintIntervalMs);
  }

  /** Calls back on every hint, and after each reconnect, when hints may have been lost. */
  listen(channel: HintChannel, onHint: () => void): void {
    this.#listening.push({ channel, onHint });
    if (this.#listener === null) this.#open();
    else subscribe(this.#listener, `waybill_${channel}`, onHint);
  }

  async close(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#check) clearInterval(this.#check);
    await Promise.all([this.#listener, this.#sender].map((sql) => sql?.end({ timeout: 1 })));
  }

  #open(): void {
    const listener = connect(this.#databaseUrl, { name: 'listener', max: 1, reconnectDelayMs });
    this.#listener = listener;
    this.#hasEcho = true;
    subscribe(listener, this.#echoChannel, () => {
      if (this.#listener === listener) this.#hasEcho = true;
    });
    for (const { channel, onHint } of this.#listening) subscribe(listener, `waybill_${channel}`, onHint);
    this.#check ??= setInterval(() => this.#tick(), this.#checkIntervalMs);
  }

  /**
   * A connection on which nothing is sent may be dead for hours without a word, and a pooler may have given the
   * session behind it to somebody else. So the listener has to hear itself.
   */
  #tick(): void {
    if (!this.#hasEcho) this.#replace();
    this.#hasEcho = false;
    this.#sender.unsafe(`notify ${this.#echoChannel}`).catch(() => {});
  }

  #replace(): void {
    if (this.#listener) discard(this.#listener);
    this.#open();
  }

  #send(): void {
    this.#timer = null;
    const channels = [...this.#due];
    this.#due.clear();
    const message = channels.map((channel) => `notify waybill_${channel}`).join(';');
    this.#sender.unsafe(message).catch(() => {});
  }
}

/** A refused LISTEN (PgBouncer, a dead server) leaves polling, which always runs. */
function subscribe(listener: Sql, channel: string, onHint: () => void): void {
  listener.listen(channel, onHint, onHint).catch(() => {});
}
