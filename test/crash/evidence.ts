import { createRunState, evolve, type Plan, type RunState } from '@waybill/engine';
import { idOfUuid } from '@waybill/protocol';
import { type Database, openDatabase, PlanCache, readJournals } from '@waybill/store';
import { connectDatabase } from '../support/database.ts';
import type { ObservedRun } from '../support/oracle.ts';
import { pause } from './caller.ts';

interface RunKey {
  readonly uuid: string;
  readonly project: string;
  readonly workflow: string;
  readonly version: number;
  readonly state: string;
}

export interface Observation {
  readonly runs: readonly ObservedRun[];
  readonly observedAtMs: number;
  /** Runs by state. */
  readonly states: ReadonlyMap<string, number>;
  readonly events: ReadonlyMap<string, number>;
  /** What the tables say against each other. */
  readonly violations: readonly string[];
}

const chunk = 500;

/** Resolves when no run is left in the queue, or at that time. */
export async function queueEmptied(databaseUrl: string, untilMs: number): Promise<void> {
  const sql = connectDatabase(databaseUrl);
  try {
    while (Date.now() < untilMs && (await sql`select 1 from run_queue limit 1`).length > 0) await pause(100);
  } finally {
    await sql.end();
  }
}

/** Reads every run there is, past the API, and folds it. */
export async function observe(databaseUrl: string): Promise<Observation> {
  const database = await openDatabase(databaseUrl, { name: 'oracle', max: 2 });
  try {
    const observedAtMs = Date.now();
    const queue = new Map(
      (await database<{ id: string; owner: string | null }[]>`select run_id as id, owner from run_queue`).map(
        ({ id, owner }) => [id, { owner }],
      ),
    );
    const inbox = new Map(
      (
        await database<{ id: string; rows: number }[]>`
          select run_id as id, count(*)::int as rows from inbox group by run_id`
      ).map(({ id, rows }) => [id, rows]),
    );
    const keys = await database<RunKey[]>`
      select id as uuid, project_id as project, workflow_key as workflow, version, state from runs order by id`;
    return await fold(database, { keys, queue, inbox, observedAtMs });
  } finally {
    await database.end({ timeout: 5 });
  }
}

interface Tables {
  readonly keys: readonly RunKey[];
  readonly queue: ReadonlyMap<string, { readonly owner: string | null }>;
  readonly inbox: ReadonlyMap<string, number>;
  readonly observedAtMs: number;
}

async function fold(database: Database, { keys, queue, inbox, observedAtMs }: Tables): Promise<Observation> {
  const plans = new PlanCache();
  const runs: ObservedRun[] = [];
  const violations: string[] = [];
  const [states, events] = [new Map<string, number>(), new Map<string, number>()];
  for (let from = 0; from < keys.length; from += chunk) {
    const part = keys.slice(from, from + chunk);
    const journals = await readJournals(
      database,
      part.map(({ uuid }) => uuid),
    );
    for (const key of part) {
      const plan = (await plans.get(database, key.project, key.workflow, key.version))!;
      const journal = journals.get(key.uuid) ?? [];
      const runId = idOfUuid('run', key.uuid);
      const state = stateOf(plan, runId, journal);
      if (state.state !== key.state) {
        violations.push(`I2 ${runId}: runs says ${key.state}, its journal ${state.state}`);
      }
      count(states, state.state);
      for (const { event } of journal) count(events, event.type);
      const steps = state.steps.map((step) => ({ id: step.plan.id, state: step.state }));
      runs.push({
        ...{ runId, journal, definition: plan.definition },
        status: { state: state.state, phase: state.phase, steps },
        queueRow: queue.get(key.uuid) ?? null,
        inboxRows: inbox.get(key.uuid) ?? 0,
      });
    }
  }
  return { runs, observedAtMs, states, events, violations };
}

function stateOf(plan: Plan, runId: string, journal: ObservedRun['journal']): RunState {
  const state = createRunState(plan, runId, '{}');
  for (const { event } of journal) evolve(state, event);
  return state;
}

/** Steps that an answer has ended. */
export function stepEnds({ events }: Observation): number {
  return (events.get('step.completed') ?? 0) + (events.get('step.failed') ?? 0);
}

/**
 * A key is one run, whatever became of its answers: the numbers that clients put into the contexts of their starts,
 * held against all runs there are, also those that no client has heard of.
 */
export async function repeatedStarts(databaseUrl: string, keyed: ReadonlySet<number>): Promise<string[]> {
  const sql = connectDatabase(databaseUrl);
  try {
    // A child may have the context of its parent.
    const starts = await sql<{ number: number; runs: string[] }[]>`
      select substring(r.context from '^{"number":([0-9]+)')::int as number, array_agg(r.id order by r.id) as runs
        from runs r join run_events e on e.run_id = r.id and e.seq = 1
       where coalesce(e.data::jsonb ->> 'parent', '') = '' group by 1`;
    const own = starts.filter(({ number }) => keyed.has(number));
    if (own.length === 0 && keyed.size > 0) return ['I1 of starts with a key there is not one'];
    return own
      .filter(({ runs }) => runs.length > 1)
      .map(({ number, runs }) => {
        const ids = runs.map((uuid) => idOfUuid('run', uuid)).join(', ');
        return `I1 the key start-${number} began ${runs.length} runs: ${ids}`;
      });
  } finally {
    await sql.end();
  }
}

export function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
