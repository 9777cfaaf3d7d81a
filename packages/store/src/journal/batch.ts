import type { JournalEntry } from './entry.ts';

/** An entry with the seq of its first event, given once: a batch sent again carries the same rows. */
export interface NumberedEntry {
  readonly entry: JournalEntry;
  readonly firstSeq: number;
}
