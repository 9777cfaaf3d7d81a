import { connect, discard, type Sql } from './connect.ts';
import type { Database } from './database.ts';
import { sqlState } from './errors.ts';
import { fence } from './journal/message.ts';
import { uuid } from './literals.ts';

export const leaseDurationSeconds = 15;

export interface DispatcherIdentity {
  readonly uuid: string;
  readonly host: string;
  readonly pid: number;
}

export interface DispatcherRow {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  readonly ownedRuns: number;
}

/** The row behind a dispatcher's lease, on a connection of its own so that no load delays a heartbeat. */
export class LeaseRow {
  readonly #databaseUrl: string;
  readonly #me: DispatcherIdentity;
  #sql: Sql | null = null;

  constructor(databaseUrl: string, me: DispatcherIdentity) {
    this.#databaseUrl = databaseUrl;
    this.#me = me;
  }

  /** Creates the row; answers the database's clock in epoch ms. */
  async register(): Promise<number> {
    const { uuid: id, host, pid } = this.#me;
    const [row] = await this.#query(
      (sql) => sql<{ now: number }[]>`
      insert into dispatchers (id, host, pid, expires_at)
      values (${id}, ${host}, ${pid}, clock_timestamp() + ${leaseDurationSeconds} * interval '1 second')
      returning ${clockMs(sql)} as now`,
    );
    return row!.now;
  }

  /**
   * Extends the lease; answers the database's clock in epoch ms, or null when the row is gone. There is
   * no test of expiry: until a rescuer has locked the row, the lease may still be taken up again.
   */
  async heartbeat(): Promise<number | null> {
    const [row] = await this.#query(
      (sql) => sql<{ now: number }[]>`
      update dispatchers set heartbeat_at = clock_timestamp(),
             expires_at = clock_timestamp() + ${leaseDurationSeconds} * interval '1 second'
       where id = ${this.#me.uuid} returning ${clockMs(sql)} as now`,
    );
    return row?.now ?? null;
  }

  /** Frees what is still owned and deletes the row: nobody has to wait for the lease to end. */
  async release(): Promise<void> {
    await this.#query((sql) =>
      sql.unsafe(`${fence(this.#me.uuid)};${freeRuns(this.#me.uuid, 0)};
      delete from dispatchers where id = ${uuid(this.#me.uuid)}`),
    );
  }

  async close(): Promise<void> {
    const sql = this.#sql;
    this.#sql = null;
    await sql?.end({ timeout: 1 });
  }

  async #query<T>(run: (sql: Sql) => PromiseLike<T>): Promise<T> {
    this.#sql ??= connect(this.#databaseUrl, { name: 'heartbeat', max: 1 });
    const sql = this.#sql;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer to a heartbeat for 5 s')), 5000);
    });
    try {
      return await Promise.race([run(sql), timeout]);
    } catch (error) {
      if (sqlState(error) === undefined) {
        this.#sql = null;
        discard(sql);
      }
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

const clockMs = (sql: Sql) => sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

function freeRuns(owner: string, claims: 0 | 1): string {
  return `update run_queue set owner = null, ready_at = now(), claims = claims + ${claims} where run_id in
    (select run_id from run_queue where owner = ${uuid(owner)} order by run_id for update)`;
}

/**
 * Frees the runs of dispatchers whose lease has ended. Three statements in one transaction, never one
 * CTE: a CTE's snapshot is older than the wait for the row lock and would miss runs claimed meanwhile.
 * @returns the dispatchers rescued.
 */
export async function rescueExpired(sql: Database): Promise<string[]> {
  const expired = await sql<{ id: string }[]>`
    select id from dispatchers where expires_at < clock_timestamp()`;
  const rescued: string[] = [];
  for (const { id } of expired) {
    const lock = `with gone as materialized (select 1 from dispatchers where id = ${uuid(id)}
      and expires_at < clock_timestamp() for update skip locked) select 1 / (select count(*) from gone)`;
    try {
      await sql.unsafe(`${lock};${freeRuns(id, 1)};delete from dispatchers where id = ${uuid(id)}`);
      rescued.push(id);
    } catch (error) {
      // Division by zero: it came back, or another rescuer was first.
      if (sqlState(error) !== '22012') throw error;
    }
  }
  return rescued;
}

/** Frees queue rows whose owner has no row at all. */
export async function freeOrphans(sql: Database, me: string): Promise<number> {
  const results = await sql.unsafe(`${fence(me)};
    update run_queue set owner = null, ready_at = now() where run_id in
      (select run_id from run_queue q where owner is not null
          and not exists (select 1 from dispatchers d where d.id = q.owner) order by run_id for update)
    returning run_id`);
  return (results.at(-1) as unknown as unknown[]).length;
}

/** Live dispatchers, newest first. */
export function listDispatchers(sql: Database): PromiseLike<DispatcherRow[]> {
  return sql<DispatcherRow[]>`
    select id, host, pid, started_at as "startedAt", heartbeat_at as "heartbeatAt",
           (select count(*)::int from run_queue q where q.owner = d.id) as "ownedRuns"
      from dispatchers d where expires_at > clock_timestamp() order by started_at desc`;
}
