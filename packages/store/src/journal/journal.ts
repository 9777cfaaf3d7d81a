import { StoreError } from '../errors.ts';
import { delay, processRuntime, type Runtime } from '../runtime.ts';
import { diagnose } from './diagnose.ts';
import type { JournalEntry } from './entry.ts';
import { reach } from './flush-points.ts';
import type { JournalLane, OpenLane } from './journal-lane.ts';
import { PendingEntries, type PendingEntry } from './pending.ts';

export interface Fence {
  /** The dispatcher row that every flush is conditional on. */
  readonly ownerUuid: string;
  /** Heartbeats once without an expiry test: true when the row is still there. */
  confirm(): Promise<boolean>;
  /** The row is gone: somebody else drives these runs now. */
  lost(): void;
}

export interface JournalOptions {
  /** Called once for each lane: `postgresLanes`. */
  readonly openLane: OpenLane;
  /** Null in the api, which writes only rows that no owner writes. */
  readonly fence: Fence | null;
  readonly laneCount?: number;
  readonly batchBytesMax?: number;
  /** Entries above this many bytes in memory make `isFull` true: callers push back. */
  readonly pendingBytesMax?: number;
  /** How long `close` goes on with flushes that fail for a reason that may pass. */
  readonly closeGraceMs?: number;
  readonly onFlush?: (flush: FlushReport) => void;
  /** Children or posts are durable: somebody has work now. */
  readonly onOutsideWork?: () => void;
  /** Default: that of this process. */
  readonly runtime?: Runtime;
}

export interface FlushReport {
  readonly entries: number;
  readonly bytes: number;
  readonly durationMs: number;
}

const retryDelayMsMax = 500;
/** A commit that takes longer is more than slow. */
const hangingMsMin = 1000;

/**
 * While a flush is on the wire, a second starts only for this many entries. Fewer wait for the first: under
 * load that makes batches three times as large, for a third of the round trips and of the CPU they cost.
 */
const entriesForSecondLane = 64;

/**
 * Group commit for all runs of a process. While one flush is on the wire the next batch collects; two
 * may be in flight, never two that touch the same run.
 */
export class Journal {
  readonly #fence: Fence | null;
  readonly #runtime: Runtime;
  readonly #idle: JournalLane[];
  readonly #lanes: readonly JournalLane[];
  readonly #pending: PendingEntries;
  readonly #batchBytesMax: number;
  readonly #pendingBytesMax: number;
  readonly #onFlush: ((flush: FlushReport) => void) | undefined;
  readonly #onOutsideWork: (() => void) | undefined;
  #isKicked = false;
  readonly #closeGraceMs: number;
  #closed: StoreError | null = null;
  #giveUpAt = Number.POSITIVE_INFINITY;
  #stuckSince: number | null = null;
  /** When what is on the wire was sent. */
  readonly #sentAt = new Map<JournalLane, number>();

  constructor(options: JournalOptions) {
    const { openLane, fence, laneCount = 2 } = options;
    this.#fence = fence;
    this.#runtime = options.runtime ?? processRuntime;
    this.#lanes = Array.from({ length: laneCount }, (_, index) => openLane(`journal ${index}`));
    this.#idle = [...this.#lanes];
    this.#pending = new PendingEntries();
    this.#batchBytesMax = options.batchBytesMax ?? 8 * 1024 * 1024;
    this.#pendingBytesMax = options.pendingBytesMax ?? 128 * 1024 * 1024;
    this.#closeGraceMs = options.closeGraceMs ?? 5000;
    this.#onFlush = options.onFlush;
    this.#onOutsideWork = options.onOutsideWork;
  }

  /**
   * Resolves when the entry is durable.
   * @throws StoreError `lease_lost`, `stale_run`, `run_refused` or `journal_closed`; then the memory of its
   *   run must be discarded. Nothing of the entry took effect, unless the journal was given up while the
   *   database did not answer.
   */
  append(entry: JournalEntry): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      this.#pending.push({ entry, firstSeq: 0, resolve, reject });
      this.#kick();
    });
  }

  get pendingBytes(): number {
    return this.#pending.bytes;
  }

  get isFull(): boolean {
    return this.#pending.bytes > this.#pendingBytesMax;
  }

  /** How long flushes have been failing, or one has been hanging, in ms of the monotonic clock; 0 while they succeed. */
  stuckForMs(): number {
    const now = this.#runtime.monotonic();
    const hangingMs = now - Math.min(now, ...this.#sentAt.values());
    const failingMs = this.#stuckSince === null ? 0 : now - this.#stuckSince;
    return Math.max(failingMs, hangingMs > hangingMsMin ? hangingMs : 0);
  }

  /** Waits for what was appended, then ends the connections. */
  async close(): Promise<void> {
    this.#closed ??= new StoreError('journal_closed', 'the journal is closed');
    this.#giveUpAt = Math.min(this.#giveUpAt, this.#runtime.monotonic() + this.#closeGraceMs);
    await this.#pending.drained();
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /** Fails everything that waits and everything to come. What is on the wire fails by the fence. */
  abandon(reason: StoreError): void {
    this.#closed = reason;
    this.#giveUpAt = this.#runtime.monotonic();
    this.#pending.rejectAll(reason);
  }

  #kick(): void {
    if (this.#isKicked || this.#idle.length === 0 || this.#pending.isEmpty) return;
    const isBusy = this.#idle.length < this.#lanes.length;
    if (isBusy && this.#pending.length < entriesForSecondLane) return;
    this.#isKicked = true;
    // One turn of the event loop: what arrives in the same turn shares the commit.
    this.#runtime.soon(() => {
      this.#isKicked = false;
      const batch = this.#pending.take(this.#batchBytesMax);
      if (batch.length === 0) return;
      void this.#flush(this.#idle.pop()!, batch);
      this.#kick();
    });
  }

  async #flush(lane: JournalLane, batch: readonly PendingEntry[]): Promise<void> {
    const startedAt = this.#runtime.monotonic();
    for (const pending of batch) number(pending);
    await this.#settle(lane, batch);
    this.#pending.release(batch);
    this.#idle.push(lane);
    this.#kick();
    if (!this.#onFlush) return;
    const bytes = batch.reduce((sum, { entry }) => sum + entry.bytes, 0);
    this.#onFlush({ entries: batch.length, bytes, durationMs: this.#runtime.monotonic() - startedAt });
  }

  /** Commits the batch, or tells each entry why not. Never rejects. */
  async #settle(lane: JournalLane, batch: readonly PendingEntry[]): Promise<void> {
    let isUnknown = false;
    for (let attempt = 0; ; attempt++) {
      try {
        await this.#commit(lane, batch);
        return this.#committed(batch);
      } catch (error) {
        const diagnosis = diagnose(error);
        if (diagnosis === 'duplicate' && isUnknown && (await this.#isPresent(lane, batch))) {
          return this.#committed(batch);
        }
        if (diagnosis === 'duplicate' || diagnosis === 'data') return this.#isolate(lane, batch, error);
        if (diagnosis === 'unknown') isUnknown = true;
        if (diagnosis === 'fence' && !(await this.#confirmFence())) return rejectAll(batch, leaseLost(error));
        if (this.#isGivenUp && diagnosis !== 'fence') return rejectAll(batch, this.#closed!);
        this.#stuckSince ??= this.#runtime.monotonic();
        if (diagnosis !== 'fence' || attempt > 0)
          await delay(this.#runtime, Math.min(retryDelayMsMax, 10 * 2 ** attempt));
      }
    }
  }

  async #commit(lane: JournalLane, batch: readonly PendingEntry[]): Promise<void> {
    this.#sentAt.set(lane, this.#runtime.monotonic());
    try {
      reach('before', batch);
      await lane.commit(batch, this.#fence?.ownerUuid ?? null);
      reach('after', batch);
    } finally {
      this.#sentAt.delete(lane);
    }
  }

  #committed(batch: readonly PendingEntry[]): void {
    this.#stuckSince = null;
    for (const { resolve } of batch) resolve();
    if (batch.some(({ entry }) => entry.children || entry.posts)) this.#onOutsideWork?.();
  }

  /** Whether the first copy of a batch has committed. Another writer's rows may have the same keys. */
  async #isPresent(lane: JournalLane, batch: readonly PendingEntry[]): Promise<boolean> {
    const numbered = batch.filter(({ entry }) => entry.events.length > 0);
    const events = numbered.reduce((sum, { entry }) => sum + entry.events.length, 0);
    for (;;) {
      try {
        return (await lane.countPresent(numbered)) === events;
      } catch {
        if (this.#isGivenUp) return false;
        this.#stuckSince ??= this.#runtime.monotonic();
        await delay(this.#runtime, retryDelayMsMax);
      }
    }
  }

  /** Halves the batch until the bad run is alone; the others commit. */
  async #isolate(lane: JournalLane, batch: readonly PendingEntry[], error: unknown): Promise<void> {
    // The database has spoken, if against us.
    this.#stuckSince = null;
    if (batch.every(({ entry }) => entry.run === batch[0]!.entry.run)) {
      const isStale = diagnose(error) === 'duplicate';
      return rejectAll(batch, isStale ? staleRun(error) : runRefused(error));
    }
    // By run, not by entry: a later entry of a run must not commit without the earlier one.
    const runs = [...new Set(batch.map(({ entry }) => entry.run))];
    const left = new Set(runs.slice(0, runs.length >> 1));
    await this.#settle(
      lane,
      batch.filter(({ entry }) => left.has(entry.run)),
    );
    await this.#settle(
      lane,
      batch.filter(({ entry }) => !left.has(entry.run)),
    );
  }

  get #isGivenUp(): boolean {
    return this.#runtime.monotonic() >= this.#giveUpAt;
  }

  async #confirmFence(): Promise<boolean> {
    const isAlive = await this.#fence!.confirm();
    if (!isAlive) this.#fence!.lost();
    return isAlive;
  }
}

function number(pending: PendingEntry): void {
  const { run, events } = pending.entry;
  pending.firstSeq = run.seq + 1;
  run.seq += events.length;
}

function rejectAll(batch: readonly PendingEntry[], error: StoreError): void {
  for (const { entry, reject } of batch) {
    entry.run.isDiscarded = true;
    reject(error);
  }
}

const leaseLost = (cause: unknown) =>
  new StoreError('lease_lost', 'this dispatcher lost its lease; its runs have another owner', cause);
const staleRun = (cause: unknown) =>
  new StoreError('stale_run', 'the journal holds newer rows of this run', cause);
const runRefused = (cause: unknown) =>
  new StoreError('run_refused', 'the database refuses rows of this run', cause);
