import { suspectClaims } from '@waybill/store';
import type { RunDriver } from './run-driver.ts';

/** A run in memory, and what its owner keeps an eye on. */
export interface OwnedRun {
  readonly driver: RunDriver;
  /** Rescues since its last progress. */
  claims: number;
  /** What its state takes in memory, about. */
  bytes: number;
  /** `bytes` as its queue row has it. */
  queuedBytes: number;
  /** Entries given to the journal whose outcome is open. */
  unsettled: number;
  /** Monotonic ms of its newest entry. */
  activeAtMs: number;
}

export interface OwnedRunSize {
  readonly claims: number;
  readonly bytes: number;
  readonly queuedBytes: number;
}

export interface OwnedRunsEvents {
  /** The next one may be taken. */
  readonly onSuspectGone: () => void;
  /** There is room for another run. */
  readonly onRemoved: () => void;
}

/** The runs that a session drives. */
export class OwnedRuns implements Iterable<OwnedRun> {
  readonly #runs = new Map<string, OwnedRun>();
  readonly #counts = new Map<string, number>();
  readonly #events: OwnedRunsEvents;
  #bytes = 0;
  #suspect: OwnedRun | null = null;

  constructor(events: OwnedRunsEvents) {
    this.#events = events;
  }

  get size(): number {
    return this.#runs.size;
  }

  /** What all of them take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the largest of them takes. Looks at each. */
  get largestBytes(): number {
    let largest = 0;
    for (const { bytes } of this.#runs.values()) if (bytes > largest) largest = bytes;
    return largest;
  }

  /** By project. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  countOf(project: string): number {
    return this.#counts.get(project) ?? 0;
  }

  /** One at a time: should this process die, it has to be clear of which. */
  get hasSuspect(): boolean {
    return this.#suspect !== null;
  }

  [Symbol.iterator](): IterableIterator<OwnedRun> {
    return this.#runs.values();
  }

  has(runUuid: string): boolean {
    return this.#runs.has(runUuid);
  }

  get(runUuid: string): OwnedRun | undefined {
    return this.#runs.get(runUuid);
  }

  add(driver: RunDriver, size: OwnedRunSize, activeAtMs: number): OwnedRun {
    const run: OwnedRun = { driver, ...size, unsettled: 0, activeAtMs };
    this.#runs.set(driver.runUuid, run);
    this.#count(driver, 1);
    this.#bytes += run.bytes;
    if (run.claims === suspectClaims) this.#suspect = run;
    return run;
  }

  /** Unless another driver has taken its place. */
  remove(driver: RunDriver): void {
    const run = this.#runs.get(driver.runUuid);
    if (run?.driver !== driver) return;
    this.#runs.delete(driver.runUuid);
    this.#count(driver, -1);
    this.#bytes -= run.bytes;
    this.#release(run);
    this.#events.onRemoved();
  }

  grow(run: OwnedRun, bytes: number): void {
    run.bytes += bytes;
    if (this.#runs.get(run.driver.runUuid) === run) this.#bytes += bytes;
  }

  /** Its progress is durable: it has not killed anybody. */
  clear(run: OwnedRun): void {
    run.claims = 0;
    this.#release(run);
  }

  #count({ project: { uuid } }: RunDriver, change: 1 | -1): void {
    const count = this.countOf(uuid) + change;
    if (count === 0) this.#counts.delete(uuid);
    else this.#counts.set(uuid, count);
  }

  #release(run: OwnedRun): void {
    if (this.#suspect !== run) return;
    this.#suspect = null;
    this.#events.onSuspectGone();
  }
}
