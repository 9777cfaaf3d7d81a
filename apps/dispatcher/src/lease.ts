import { type Alarm, type DispatcherIdentity, delay } from '@waybill/store';
import type { Clock } from './clock.ts';
import type { DispatcherStore, LeaseStore } from './dispatcher-store.ts';
import type { Log } from './log.ts';

const heartbeatIntervalMs = 5000;
const retryIntervalMs = 500;
/** Nothing is sent when the last successful heartbeat was sent longer ago: well inside the lease. */
const sendWindowMs = 10_000;

export interface LeaseOptions {
  readonly store: Pick<DispatcherStore, 'openLease'>;
  readonly identity: DispatcherIdentity;
  readonly clock: Clock;
  readonly log: Log;
  /** The row is gone: somebody else drives our runs. Called once. */
  readonly onLost: () => void;
  /** The send window has closed: abort what is open. */
  readonly onSilence: () => void;
  /** The send window is open again. */
  readonly onResume: () => void;
}

/** The ownership of everything this dispatcher drives, renewed by one row update every 5 s. */
export class Lease {
  readonly identity: DispatcherIdentity;
  readonly #options: LeaseOptions;
  readonly #row: LeaseStore;
  #lastSentAt = Number.NEGATIVE_INFINITY;
  #timer: Alarm | null = null;
  #isSilent = false;
  #isEnded = false;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.identity = options.identity;
    this.#row = options.store.openLease(options.identity);
  }

  async acquire(): Promise<void> {
    const { clock } = this.#options;
    const sentAt = clock.monotonic();
    clock.adjust(await this.#row.register(), sentAt);
    this.#lastSentAt = sentAt;
    this.#schedule(heartbeatIntervalMs);
  }

  /** Asked in the same tick as every send. */
  maySend(): boolean {
    return !this.#isEnded && this.#options.clock.monotonic() - this.#lastSentAt < sendWindowMs;
  }

  /** One heartbeat now. False when the row is gone. @throws when the database does not answer. */
  async tick(): Promise<boolean> {
    const { clock } = this.#options;
    const sentAt = clock.monotonic();
    const databaseMs = await this.#row.heartbeat();
    if (databaseMs === null) {
      this.lost();
      return false;
    }
    clock.adjust(databaseMs, sentAt);
    this.#lastSentAt = Math.max(this.#lastSentAt, sentAt);
    if (this.#isSilent && this.maySend()) {
      this.#isSilent = false;
      this.#options.onResume();
    }
    return true;
  }

  /** A heartbeat of the loop: falls silent when none has succeeded for too long. False when it failed. */
  async beat(): Promise<boolean> {
    const watch = this.#options.clock.after(sendWindowMs - heartbeatIntervalMs, () => this.#checkSilence());
    try {
      await this.tick();
      return true;
    } catch (error) {
      this.#options.log.warn({ err: error }, 'heartbeat failed');
      return false;
    } finally {
      watch.cancel();
      this.#checkSilence();
    }
  }

  /** For the journal: whether a failed fence was a late heartbeat only. Keeps asking while it cannot know. */
  async confirm(): Promise<boolean> {
    while (!this.#isEnded) {
      try {
        return await this.tick();
      } catch (error) {
        this.#options.log.warn({ err: error }, 'cannot confirm the lease yet');
        await delay(this.#options.clock, retryIntervalMs);
      }
    }
    return false;
  }

  lost(): void {
    if (this.#isEnded) return;
    this.#end();
    this.#options.onLost();
  }

  /** Gives everything back at once. */
  async release(): Promise<void> {
    this.#end();
    try {
      await this.#row.release();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the lease could not be released; it will expire');
    }
    await this.#row.close();
  }

  async close(): Promise<void> {
    this.#end();
    await this.#row.close();
  }

  #end(): void {
    this.#isEnded = true;
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    if (this.#isEnded) return;
    this.#timer = this.#options.clock.after(delayMs, async () => {
      this.#schedule((await this.beat()) ? heartbeatIntervalMs : retryIntervalMs);
    });
  }

  #checkSilence(): void {
    if (this.#isEnded || this.#isSilent || this.maySend()) return;
    this.#isSilent = true;
    this.#options.log.warn('no heartbeat for 10 s: sending stops until one succeeds');
    this.#options.onSilence();
  }
}
