import type { EventColumns } from '@waybill/store';

export interface QueueRow {
  readonly projectUuid: string;
  readonly readyAtMs: number;
  readonly owner: string | null;
  readonly claims: number;
  readonly bytes: number;
}

export interface DispatcherRow {
  readonly expiresAtMs: number;
  readonly suspect: string | null;
}

export interface InboxEntry {
  readonly command: string;
  /** The end of its run does not take it along. */
  readonly reopens: boolean;
  readonly createdAtMs: number;
}

export type EventRow = EventColumns & { readonly seq: number };

/** Undone in reverse when its transaction fails. */
export type Undo = (() => void)[];

/** A table by key whose changes can be undone. Rows are never changed in place. */
export class Table<Row> {
  readonly #rows = new Map<string, Row>();
  readonly #undo: Undo;

  constructor(undo: Undo) {
    this.#undo = undo;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  entries(): IterableIterator<[string, Row]> {
    return this.#rows.entries();
  }

  set(key: string, row: Row): void {
    const before = this.#rows.get(key);
    this.#undo.push(() => (before === undefined ? this.#rows.delete(key) : this.#rows.set(key, before)));
    this.#rows.set(key, row);
  }

  delete(key: string): void {
    const before = this.#rows.get(key);
    if (before === undefined) return;
    this.#undo.push(() => this.#rows.set(key, before));
    this.#rows.delete(key);
  }
}
