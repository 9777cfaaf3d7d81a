import postgres from 'postgres';
import { arrayTypes } from './array-types.ts';
import { watchedSockets } from './watched-socket.ts';

export type Sql = postgres.Sql<{ bigint: number }>;

export interface ConnectOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  /** Connections at most. */
  readonly max: number;
  /** Wait after a failed connection. Default 0, for callers that wait by themselves. */
  readonly reconnectDelayMs?: number;
  /** A connection without an answer for this long is broken, with all that waits on it. Default: never. */
  readonly silenceMsMax?: number;
  /** Settings of each session, sent as it begins; PgBouncer refuses those that it does not know. */
  readonly settings?: Readonly<Record<string, string>>;
  /** A connection has ended, for whatever reason. */
  readonly onClose?: () => void;
}

/**
 * A pool of its own. Journal lanes and the heartbeat take `max: 1` and never expire a connection by age:
 * postgres.js 3.4.9 can lose a query that meets the renewal (porsager/postgres #1199, #1208).
 */
export function connect(url: string, options: ConnectOptions): Sql {
  const { name, max, reconnectDelayMs = 0, onClose = () => {} } = options;
  const { silenceMsMax, settings } = options;
  // An option that the types of postgres.js 3.4.9 leave out.
  const sockets = { socket: watchedSockets(silenceMsMax ?? null) };
  return postgres(url, {
    ...sockets,
    max,
    max_lifetime: null,
    idle_timeout: 0,
    connect_timeout: 5,
    prepare: false,
    fetch_types: false,
    // postgres.js waits up to its own back-off between reconnects; we want ours alone.
    backoff: () => reconnectDelayMs / 1000,
    onnotice: () => {},
    onclose: onClose,
    connection: { application_name: `waybill ${name}`, ...settings },
    // int8 holds milliseconds and counters here: all below 2^53.
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number }, ...arrayTypes },
  });
}

/** Ends an instance after an error whose outcome is unknown; it must never be used again. */
export function discard(sql: Sql): void {
  sql.end({ timeout: 0 }).catch(() => {});
}
