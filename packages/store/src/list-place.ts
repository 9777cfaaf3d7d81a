import type { Database } from './database.ts';

/** Where a page of a list ended, by what its rows are sorted by: the row itself may have gone since. */
export interface ListPlace {
  /** Epoch µs, as exact as the database's clock: many rows may share a millisecond. */
  readonly atMicros: number;
  readonly name: string;
}

export function microsOf(sql: Database, column: string) {
  return sql`(extract(epoch from ${sql(column)}) * 1000000)::float8`;
}

/** What comes behind a place in a list sorted by both columns, the last first; everything without one. */
export function behind(sql: Database, at: string, name: string, place: ListPlace | undefined) {
  if (place === undefined) return sql`true`;
  const time = sql`timestamptz 'epoch' + ${place.atMicros}::float8 * interval '1 microsecond'`;
  return sql`(${sql(at)}, ${sql(name)}) < (${time}, ${place.name})`;
}
