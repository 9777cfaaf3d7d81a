import type { GoneEndpoint, RunRow } from '@waybill/store';
import {
  type DispatcherRow,
  type EventRow,
  type InboxEntry,
  type QueueRow,
  Table,
  type Undo,
} from './tables.ts';

/** As postgres.js has them: what `diagnose` goes by. */
export class ModelError extends Error {
  readonly code: string;
  readonly table_name: string | undefined;

  constructor(code: string, message: string, table?: string) {
    super(message);
    this.name = 'PostgresError';
    this.code = code;
    this.table_name = table;
  }
}

export function uniqueViolation(table: string, key: string): ModelError {
  return new ModelError('23505', `duplicate key ${key}`, table);
}

/** Committed rows of a run by one who did not own it then. */
export interface StaleWrite {
  readonly runUuid: string;
  readonly writer: string;
  readonly owner: string | null;
}

const leaseDurationMs = 15_000;

/** The tables that dispatchers touch, and transactions that are serial: each happens at one moment, whole or not. */
export class ModelDatabase {
  readonly #undo: Undo = [];
  readonly #now: () => number;
  readonly dispatchers = new Table<DispatcherRow>(this.#undo);
  readonly queue = new Table<QueueRow>(this.#undo);
  readonly runs = new Table<RunRow>(this.#undo);
  /** By run; a list is replaced, never changed. */
  readonly #events = new Map<string, EventRow[]>();
  /** By run, then by id. */
  readonly inbox = new Table<ReadonlyMap<string, InboxEntry>>(this.#undo);
  /** Endpoints that answered 410: what was sent there, by project and URL. */
  readonly gone = new Table<GoneEndpoint>(this.#undo);
  readonly staleWrites: StaleWrite[] = [];
  /** Timeouts that came before what lay in the inbox in time. */
  readonly overlooked: string[] = [];
  /** Runs that were ended as killers of dispatchers too early. */
  readonly misjudged: string[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `now()`: whole ms, as everybody who reads it has them. */
  nowMs(): number {
    return Math.floor(this.#now());
  }

  atomically<T>(run: () => T): T {
    this.#undo.length = 0;
    try {
      return run();
    } catch (error) {
      for (const undo of this.#undo.splice(0).reverse()) undo();
      throw error;
    }
  }

  /** Fails the transaction when the lease is not valid. */
  fence(me: string): void {
    const row = this.dispatchers.get(me);
    if (!row || row.expiresAtMs <= this.nowMs()) throw new ModelError('22012', 'division by zero');
  }

  register(me: string): number {
    this.dispatchers.set(me, { expiresAtMs: this.nowMs() + leaseDurationMs, suspect: null });
    return this.nowMs();
  }

  /** Null when the row is gone. */
  heartbeat(me: string): number | null {
    const row = this.dispatchers.get(me);
    if (!row) return null;
    this.dispatchers.set(me, { ...row, expiresAtMs: this.nowMs() + leaseDurationMs });
    return this.nowMs();
  }

  /** Runs that have a journal. */
  journals(): Iterable<string> {
    return this.#events.keys();
  }

  eventsOf(runUuid: string): readonly EventRow[] {
    return this.#events.get(runUuid) ?? [];
  }

  /** False when there is a row with this key. */
  insertEvent(runUuid: string, row: EventRow): boolean {
    let rows = this.#events.get(runUuid);
    if (!rows) {
      rows = [];
      this.#events.set(runUuid, rows);
    }
    const list = rows;
    let place = list.length;
    while (place > 0 && list[place - 1]!.seq > row.seq) place--;
    if (place > 0 && list[place - 1]!.seq === row.seq) return false;
    list.splice(place, 0, row);
    this.#undo.push(() => list.splice(list.indexOf(row), 1));
    return true;
  }

  inboxOf(runUuid: string): ReadonlyMap<string, InboxEntry> {
    return this.inbox.get(runUuid) ?? noCommands;
  }

  /** On conflict does nothing. False then. */
  insertCommand(runUuid: string, id: string, command: string, reopens = false): boolean {
    const rows = this.inboxOf(runUuid);
    if (rows.has(id)) return false;
    this.inbox.set(runUuid, new Map([...rows, [id, { command, reopens, createdAtMs: this.nowMs() }]]));
    return true;
  }

  deleteCommand(runUuid: string, id: string): void {
    const rows = this.inboxOf(runUuid);
    if (!rows.has(id)) return;
    const left = new Map(rows);
    left.delete(id);
    if (left.size === 0) this.inbox.delete(runUuid);
    else this.inbox.set(runUuid, left);
  }

  /** What `owner` had is anybody's. */
  freeRuns(owner: string, claims: 0 | 1): void {
    const readyAtMs = this.nowMs();
    for (const [runUuid, row] of [...this.queue.entries()]) {
      if (row.owner !== owner) continue;
      this.queue.set(runUuid, { ...row, owner: null, readyAtMs, claims: row.claims + claims });
    }
  }
}

const noCommands: ReadonlyMap<string, InboxEntry> = new Map();
