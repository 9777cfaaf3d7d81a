import * as store from '@waybill/store';
import { projectUuid } from '../catalogue.ts';
import { ModelDatabase } from './database.ts';
import { countPresent, flush } from './flush.ts';
import type { Operation } from './operations.ts';
import * as queries from './queries.ts';

/** Something that the same operations are tried on. */
export interface Subject {
  /** What the operation answered, in canonical form, or which error it was refused with. */
  perform(operation: Operation): Promise<unknown>;
  /** All rows, in canonical form: times are `now` when they are over. */
  snapshot(): Promise<unknown>;
}

const answerOf = (error: unknown) => ({ error: store.sqlState(error) ?? String(error) });
const command = '{"type":"cancel"}';
const room = { runs: 100, bytes: 1_000_000 };

export class ModelSubject implements Subject {
  // Each operation has a time of its own, as in a database.
  #nowMs = Date.now();
  readonly #database = new ModelDatabase(() => this.#nowMs);

  async perform(operation: Operation): Promise<unknown> {
    this.#nowMs++;
    try {
      return canonical(this.#database.atomically(() => this.#run(operation)));
    } catch (error) {
      return answerOf(error);
    }
  }

  #run(operation: Operation): unknown {
    const database = this.#database;
    switch (operation.kind) {
      case 'register': {
        // Ids are never used twice: here they are, which is refused.
        if (database.dispatchers.has(operation.me)) throw Object.assign(new Error(), duplicate);
        database.register(operation.me);
        return 'registered';
      }
      case 'heartbeat':
        return database.heartbeat(operation.me) !== null;
      case 'release':
        return queries.release(database, operation.me);
      case 'expire': {
        const row = database.dispatchers.get(operation.me);
        if (row) database.dispatchers.set(operation.me, { ...row, expiresAtMs: this.#nowMs - 60_000 });
        return undefined;
      }
      case 'freeOrphans':
        return queries.freeOrphans(database, operation.me);
      case 'rescueExpired':
        return queries.rescueExpired(database);
      case 'commit':
        return flush(database, operation.batch, operation.owner);
      case 'countPresent':
        return countPresent(database, operation.batch);
      case 'claim':
        return queries.claimRuns(database, operation.me, { ...room, suspect: operation.suspect });
      case 'owned':
        return queries.ownedRuns(database, operation.me);
      case 'readInbox':
        return queries.readInbox(database, operation.me, 100);
      case 'deleteDone': {
        const { me, runs, seq } = operation;
        return queries.deleteDoneRuns(
          database,
          me,
          runs.map((runUuid) => ({ runUuid, seq })),
        );
      }
      case 'post':
        return queries.postCommand(database, { runUuid: operation.run, id: operation.id, command });
      case 'reopen':
        return queries.reopenRun(database, { ...reopening, runUuid: operation.run, id: operation.id });
      case 'deleteCommand':
        return database.deleteCommand(operation.run, operation.id);
    }
  }

  async snapshot(): Promise<unknown> {
    const { dispatchers, queue, runs, inbox, gone } = this.#database;
    const now = this.#nowMs;
    return {
      dispatchers: sorted(
        [...dispatchers.entries()].map(([id, row]) => [id, row.expiresAtMs > now, row.suspect]),
      ),
      queue: sorted(
        [...queue.entries()].map(([id, { owner, claims, bytes, readyAtMs }]) => [
          ...[id, owner, claims, bytes, readyAtMs <= now ? 'now' : readyAtMs],
        ]),
      ),
      runs: sorted([...runs.entries()].map(([, row]) => canonical(row))),
      events: sorted(
        [...this.#database.journals()].flatMap((id) =>
          this.#database.eventsOf(id).map((row) => canonical({ id, ...row })),
        ),
      ),
      inbox: sorted(
        [...inbox.entries()].flatMap(([id, rows]) =>
          [...rows].map(([key, row]) => [id, key, row.command, row.reopens]),
        ),
      ),
      gone: sorted(
        [...gone.entries()].map(([, { projectUuid, url, runUuid, delivery, step }]) => [
          ...[projectUuid, url, runUuid, delivery, step],
        ]),
      ),
    };
  }
}

const duplicate = { name: 'PostgresError', code: '23505' };
const reopening = { projectUuid, bytes: 5, command };

export class PostgresSubject implements Subject {
  readonly #database: store.Database;
  readonly #lane: store.JournalLane;
  readonly #leases = new Map<string, store.LeaseRow>();
  readonly #leaseOf: (me: string) => store.LeaseRow;

  constructor(databaseUrl: string, database: store.Database) {
    this.#database = database;
    this.#lane = store.postgresLanes(databaseUrl)('differential');
    this.#leaseOf = (me) => {
      const identity = { uuid: me, host: 'test', pid: 1 };
      const lease = this.#leases.get(me) ?? new store.LeaseRow(databaseUrl, identity);
      this.#leases.set(me, lease);
      return lease;
    };
  }

  async perform(operation: Operation): Promise<unknown> {
    try {
      return canonical(await this.#run(operation));
    } catch (error) {
      return answerOf(error);
    }
  }

  async #run(operation: Operation): Promise<unknown> {
    const database = this.#database;
    switch (operation.kind) {
      case 'register':
        await this.#leaseOf(operation.me).register();
        return 'registered';
      case 'heartbeat':
        return (await this.#leaseOf(operation.me).heartbeat()) !== null;
      case 'release':
        return await this.#leaseOf(operation.me).release();
      case 'expire':
        await database`update dispatchers set expires_at = now() - interval '1 minute' where id = ${operation.me}`;
        return undefined;
      case 'freeOrphans':
        return await store.freeOrphans(database, operation.me);
      case 'rescueExpired':
        return await store.rescueExpired(database);
      case 'commit':
        return await this.#lane.commit(operation.batch, operation.owner);
      case 'countPresent':
        return await this.#countPresent(operation.batch);
      case 'claim': {
        const claimed = await store.claimRuns(database, operation.me, {
          ...room,
          suspect: operation.suspect,
        });
        // For its marks, which the model has none of.
        return claimed.map(({ project: _, readyAtMs: __, ...run }) => run);
      }
      case 'owned':
        return await store.ownedRuns(database, operation.me);
      case 'readInbox':
        return await store.readInbox(database, operation.me, 100);
      case 'deleteDone': {
        const { me, runs, seq } = operation;
        return await store.deleteDoneRuns(
          database,
          me,
          runs.map((runUuid) => ({ runUuid, seq })),
        );
      }
      case 'post':
        return await store.postCommand(database, { runUuid: operation.run, id: operation.id, command });
      case 'reopen':
        return await store.reopenRun(database, { ...reopening, runUuid: operation.run, id: operation.id });
      case 'deleteCommand':
        return await store.deleteCommands(database, [{ runUuid: operation.run, id: operation.id, command }]);
    }
  }

  /** The journal asks for none without events. */
  async #countPresent(batch: readonly store.NumberedEntry[]): Promise<number> {
    const withEvents = batch.filter(({ entry }) => entry.events.length > 0);
    return withEvents.length === 0 ? 0 : await this.#lane.countPresent(withEvents);
  }

  async snapshot(): Promise<unknown> {
    const read = async (query: string) =>
      sorted((await this.#database.unsafe(query)).map((row) => Object.values(row)));
    const runs = await this.#database.unsafe<{ id: string }[]>('select id from runs');
    const events = await this.#database.unsafe<object[]>(
      'select run_id as id, seq, type, step, at_ms as "atMs", data, result from run_events',
    );
    return {
      dispatchers: await read('select id, expires_at > now(), suspect_run_id from dispatchers'),
      queue: await read(`select run_id, owner, claims, bytes, case when ready_at <= now() then 'now'::text
        else (extract(epoch from ready_at) * 1000)::bigint::text end from run_queue`),
      runs: sorted(
        (
          await store.findRuns(
            this.#database,
            runs.map(({ id }) => id),
          )
        ).map(canonical),
      ),
      events: sorted(events.map(canonical)),
      inbox: await read('select run_id, id, command, reopens from inbox'),
      gone: await read('select project_id, url, run_id, delivery, step from gone_endpoints'),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#lane, ...this.#leases.values()].map((each) => each.close()));
  }
}

/** As JSON with its members in order; lists of objects in no order. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return sorted(value.map(canonical));
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sorted(rows: readonly unknown[]): string[] {
  return rows
    .map((row) => JSON.stringify(row, (_, item) => (typeof item === 'number' ? String(item) : item)))
    .sort();
}
