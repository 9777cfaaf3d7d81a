import type { Database } from './database.ts';
import { decodeEvent, type EventColumns } from './event-codec.ts';
import { integer, uuid } from './literals.ts';
import type { StoredEvent } from './runs.ts';

export interface EventPageQuery {
  readonly afterSeq: number;
  readonly rowsMax: number;
  /** Bytes of results and other data; the row that crosses it is still in, so that every page gets on. */
  readonly bytesMax: number;
}

export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** There are rows behind these. */
  readonly hasMore: boolean;
}

/** A page of a run's journal, oldest first: what is left out never leaves the database. */
export async function readEventPage(
  sql: Database,
  runUuid: string,
  { afterSeq, rowsMax, bytesMax }: EventPageQuery,
): Promise<EventPage> {
  // `octet_length` of a long value reads its header alone. One row more than asked for tells of more.
  const rows = await sql.unsafe<({ seq: number; found: number } & EventColumns)[]>(`
    select seq, type, step, at_ms as "atMs", data, result, found from (
      select *, row_number() over w as place, count(*) over ()::int as found,
             sum(octet_length(coalesce(data, '')) + octet_length(coalesce(result, '')))
               over (w rows between unbounded preceding and 1 preceding) as bytes_before
        from (select * from run_events
               where run_id = ${uuid(runUuid)} and seq > ${integer(afterSeq)}
               order by seq limit ${integer(rowsMax + 1)}) as rows
      window w as (order by seq)) as page
     where place <= ${integer(rowsMax)} and coalesce(bytes_before, 0) < ${integer(bytesMax)}
     order by seq`);
  const events = rows.map((row) => ({ seq: row.seq, event: decodeEvent(row) }));
  return { events, hasMore: (rows[0]?.found ?? 0) > rows.length };
}
