import { EventEmitter, once } from 'node:events';
import { createEgress } from '@waybill/egress';
import { startTemporaryPostgres } from '@waybill/embedded';
import type { Plan, RunEvent } from '@waybill/engine';
import { defaultLimits, idOfUuid } from '@waybill/protocol';
import { createKeyring } from '@waybill/signing';
import {
  addSecret,
  Hints,
  Journal,
  type JournalEntry,
  migrate,
  openDatabase,
  PlanCache,
  PostgresDispatcherStore,
  postCommand,
  postgresLanes,
  readEvents,
  reopenRun,
  storeVersion,
  upsertProject,
} from '@waybill/store';
import { pino } from 'pino';
import { type Clock, createClock } from '../src/clock.ts';
import { createDispatcher, type DispatcherDeps } from '../src/dispatcher.ts';
import { ProjectCache } from '../src/project-cache.ts';
import { Session } from '../src/session.ts';
import { SparedEndpoints } from '../src/spared-endpoints.ts';
import { checks, newRun, newUuid, projectUuid, secret } from './harness.ts';

const keyring = createKeyring('0123456789abcdef0123456789abcdef');

export const runIdOf = (uuid: string): string => idOfUuid('run', uuid);

export type TestDatabase = Awaited<ReturnType<typeof startDatabase>>;

/** A migrated database with one project and its signing secret, and ways to look into it. */
export async function startDatabase() {
  const server = await startTemporaryPostgres();
  await migrate({ databaseUrl: server.url });
  // One connection: what was asked before is answered before.
  const sql = await openDatabase(server.url, { name: 'test', max: 1 });
  const journal = new Journal({ openLane: postgresLanes(server.url), fence: null });
  await upsertProject(sql, { uuid: projectUuid, name: 'test', baseUrl: null });
  const sealed = keyring.seal(secret, `project:${projectUuid}`);
  await addSecret(sql, { uuid: newUuid(), projectUuid, sealed });

  return {
    url: server.url,
    sql,

    /** Stores the plan's definition as the next version of its key. */
    async store(plan: Plan): Promise<StoredPlan> {
      const key = plan.definition.id;
      const definition = JSON.stringify(plan.definition);
      const { version } = await storeVersion(sql, { projectUuid, key, definition, makeLatest: true });
      return { plan, version };
    },

    /** A run as the api writes it, with more events if it has been driven before. */
    async createRun({ version }: StoredPlan, events: readonly RunEvent[] = []): Promise<string> {
      const uuid = newUuid();
      const entry: JournalEntry = {
        run: { uuid, seq: 0, isDiscarded: false },
        events: [{ type: 'run.created', at: Date.now() }, ...events],
        create: newRun({ version, createdAtMs: Date.now() }),
        bytes: 100,
      };
      await journal.append(entry);
      return uuid;
    },

    async events(uuid: string): Promise<RunEvent[]> {
      return (await readEvents(sql, uuid, 0)).map(({ event }) => event);
    },

    async queue(uuid: string): Promise<{ owner: string | null; claims: number } | undefined> {
      const [row] = await sql<{ owner: string | null; claims: number }[]>`
        select owner, claims from run_queue where run_id = ${uuid}`;
      return row;
    },

    async dispatchers(): Promise<string[]> {
      const rows = await sql<{ id: string }[]>`select id from dispatchers order by started_at`;
      return rows.map((row) => row.id);
    },

    /** Resolves when loads that are under way have ended: each of them asks a few times, one after the other. */
    async settled(): Promise<void> {
      for (let round = 0; round < 10; round++) await sql`select 1`;
    },

    async cancel(runUuid: string): Promise<void> {
      await this.post(runUuid, { type: 'cancel' });
    },

    async post(runUuid: string, command: object, id = newUuid()): Promise<void> {
      await postCommand(sql, { runUuid, id, command: JSON.stringify(command) });
    },

    /** When a dispatcher has died without a word. */
    async expire(dispatcher: string): Promise<void> {
      await sql`update dispatchers set expires_at = now() - interval '1 minute' where id = ${dispatcher}`;
    },

    async reopen(runUuid: string, command: object, id = newUuid()): Promise<void> {
      const row = { runUuid, id, command: JSON.stringify(command) };
      await reopenRun(sql, { ...row, projectUuid, bytes: 100 });
    },

    /** Keeps the end of a run from committing, and lets commands for it through. */
    async holdEnd(runUuid: string) {
      const release = await held(server.url, `select from run_queue where run_id = '${runUuid}' for share`);
      const isWaiting = () => sql`select 1 from pg_locks where not granted`;
      return {
        async isAwaited(): Promise<void> {
          while ((await isWaiting()).length === 0);
        },
        release,
      };
    },

    /** Keeps runs from being written. Answers how to let them through. */
    holdStarts: () => held(server.url, 'lock table runs in share mode'),

    async stop() {
      await journal.close();
      await sql.end({ timeout: 1 });
      await server.stop();
    },
  };
}

/** Takes a lock. Answers how to let go of it. */
async function held(url: string, text: string): Promise<() => Promise<void>> {
  const holder = await openDatabase(url, { name: 'holder', max: 1 });
  await holder.unsafe(`begin; ${text}`);
  return async () => {
    await holder.unsafe('commit');
    await holder.end();
  };
}

export interface StoredPlan {
  readonly plan: Plan;
  readonly version: number;
}

/** A clock whose monotonic time the test can advance, and whose engine time it can let leap. */
export function createSkewedClock(): Clock & { advance(ms: number): void; leap(ms: number): void } {
  const clock = createClock();
  let skew = 0;
  let leapt = 0;
  return {
    ...clock,
    now: () => clock.now() + leapt,
    leap(ms) {
      leapt += ms;
    },
    adjust: (databaseMs, askedAt) => clock.adjust(databaseMs, askedAt - skew),
    monotonic: () => clock.monotonic() + skew,
    advance(ms) {
      skew += ms;
    },
  };
}

/** What dispatchers and sessions are made of, and ways to wait for what they do. */
function createParts(databaseUrl: string, database: TestDatabase, changed: Partial<DispatcherDeps> = {}) {
  const clock = createSkewedClock();
  const changes = new EventEmitter();
  const events: { uuid: string; type: string }[] = [];
  const lines: string[] = [];
  const log = pino(
    { level: 'info' },
    {
      write(line: string) {
        lines.push(line);
        changes.emit('change');
      },
    },
  );
  const hints = new Hints(databaseUrl);
  const egress = createEgress({ allow: ['127.0.0.0/8'] });
  const plans = new PlanCache();
  const store = new PostgresDispatcherStore({
    databaseUrl,
    database: database.sql,
    plans,
    retentionDays: 30,
  });
  const deps: DispatcherDeps = {
    ...{ store, hints, egress, clock, log },
    projects: new ProjectCache(keyring, checks),
    runsMax: 100,
    inFlightMax: 1024,
    inFlightBytesMax: 64 * 1024 * 1024,
    runBytesMax: 64 * 1024 * 1024,
    limits: defaultLimits,
    callbacks: null,
    onCommit(uuid, committed) {
      for (const { type } of committed) events.push({ uuid, type });
      changes.emit('change');
    },
    ...changed,
  };
  const until = async (isTrue: () => boolean) => {
    while (!isTrue()) await once(changes, 'change');
  };
  return {
    deps,
    clock,
    committed: (uuid: string, type: string) =>
      until(() => events.some((event) => event.uuid === uuid && event.type === type)),
    logged: (text: string, times = 1) =>
      until(() => lines.filter((line) => line.includes(text)).length >= times),
    async close() {
      await egress.close();
      await hints.close();
    },
  };
}

function ownedRun({ plan, version }: StoredPlan, uuid: string) {
  return { uuid, row: newRun({ version, createdAtMs: Date.now() }), plan };
}

export type TestDispatcher = Awaited<ReturnType<typeof startDispatcher>>;

export async function startDispatcher(
  database: TestDatabase,
  change: (deps: DispatcherDeps) => DispatcherDeps = (deps) => deps,
) {
  const parts = createParts(database.url, database);
  const dispatcher = createDispatcher(change(parts.deps));
  await dispatcher.start();
  return {
    ...parts,
    dispatcher,
    startOwned: (stored: StoredPlan, uuid: string) => dispatcher.startOwned(ownedRun(stored, uuid)),
    async close() {
      await dispatcher.stop(0);
      await parts.close();
    },
  };
}

export type TestSession = Awaited<ReturnType<typeof startSession>>;

/** A session whose loops are turned by the test. */
export async function startSession(database: TestDatabase, changed: Partial<DispatcherDeps> = {}) {
  const parts = createParts(database.url, database, changed);
  const session = new Session(
    { ...parts.deps, endpoints: new SparedEndpoints(parts.deps.log) },
    { onLost() {}, onSuspectGone() {}, onRoom() {} },
  );
  await session.lease.acquire();
  return {
    ...parts,
    session,
    uuid: session.lease.identity.uuid,
    /** Gone without a word, as far as others can see. */
    async die(heir: { readonly session: Session }) {
      const { uuid } = session.lease.identity;
      // A flush that meets the expired lease may take it up again before anybody rescues.
      while ((await database.dispatchers()).includes(uuid)) {
        await database.expire(uuid);
        await heir.session.rescue();
      }
      await session.lease.tick();
    },
    startOwned: (stored: StoredPlan, uuid: string) => session.startOwned(ownedRun(stored, uuid)),
    async close() {
      await session.stop(0);
      await parts.close();
    },
  };
}
