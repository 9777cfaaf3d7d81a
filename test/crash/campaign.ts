import { findViolations } from '../support/oracle.ts';
import type { Random } from '../support/random.ts';
import { Audit } from './audit.ts';
import { Caller, pause } from './caller.ts';
import { Cluster, type Ground } from './cluster.ts';
import { count, type Observation, observe, queueEmptied, repeatedStarts, stepEnds } from './evidence.ts';
import { Fleet, type FleetOptions, type Role } from './fleet.ts';
import { Load } from './load.ts';
import { Mock } from './mock.ts';
import { RecoveryWatch } from './recovery.ts';
import type { RowContext, RowReport } from './row.ts';
import type { Shape } from './shapes.ts';

/** What a fault has to do its work with. */
export interface Scene {
  readonly cluster: Ground;
  readonly fleet: Fleet;
  readonly load: Load;
  readonly caller: Caller;
  readonly mock: Mock;
  readonly recovery: RecoveryWatch;
  readonly random: Random;
  readonly context: RowContext;
}

export interface Fault {
  readonly kind: string;
  /** Resolves when it is over and what it took away is back. A throw is a violation. */
  strike(scene: Scene): Promise<void>;
}

export interface CampaignOptions {
  readonly roles?: readonly Role[];
  readonly env?: Readonly<Record<string, string>>;
  /** What a process of that name gets beside it. */
  readonly envOf?: FleetOptions['envOf'];
  readonly faults: readonly Fault[];
  /** Faults in all; no bound when absent. */
  readonly strikesMax?: number;
  /** From the beginning of one fault to that of the next. */
  readonly everyMs: readonly [least: number, most: number];
  readonly among?: readonly Shape[];
  /** Whether each write of a dispatcher is held against the owner of its run (I7), by triggers. */
  readonly isAudited?: boolean;
  /** The database; a cluster of the embedded binaries when absent. */
  readonly ground?: () => Promise<Ground>;
  /** Puts something between the processes and the database; answers its URL. */
  readonly between?: (databaseUrl: string, context: RowContext, mock: Mock) => Promise<string>;
  /** Once all processes are ready, before the load. */
  readonly before?: (scene: Scene) => Promise<void>;
  /** When no more is begun, and all is still to settle. */
  readonly whenLoadEnds?: () => Promise<void>;
  /** Once all is settled; answers violations. */
  readonly after?: (scene: Scene) => Promise<readonly string[]>;
  /** What the row asks of all runs beside the oracle; answers violations. */
  readonly judge?: (scene: Scene, observation: Observation) => readonly string[];
  readonly figures?: (scene: Scene) => Record<string, number | string>;
  /** Also when nobody asked for its end: a process may have died in the faults. */
  readonly mayDie?: boolean;
  readonly settleMsMax?: number;
  readonly startsPerSecondMax?: number;
}

export const twoOfEach: readonly Role[] = ['api', 'api', 'dispatch', 'dispatch'];

/** The names of their slots. */
const dispatchers = (roles: readonly Role[]) =>
  roles.filter((role) => role === 'dispatch').map((role, index) => `${role} ${index + 1}`);

/** Load on real processes, faults at seeded times, then quiet, then the oracle. */
export async function campaign(context: RowContext, options: CampaignOptions): Promise<RowReport> {
  const { random, seed } = context;
  const mock = await Mock.start(seed);
  const cluster = await (options.ground ?? (() => Cluster.start()))();
  const databaseUrl = (await options.between?.(cluster.url, context, mock)) ?? cluster.url;
  const { roles = twoOfEach, env = {}, among } = options;
  const audit = options.isAudited ? await Audit.install(cluster.url, dispatchers(roles)) : null;
  const envOf: FleetOptions['envOf'] = (slot) => ({
    ...audit?.envOf(slot, databaseUrl),
    ...options.envOf?.(slot),
  });
  const where = { databaseUrl, handlersUrl: mock.url, roles, env };
  const fleet = await Fleet.start({ ...where, envOf });
  const caller = new Caller({
    urls: () => fleet.urls(),
    apiKey: fleet.apiKey,
    random: random.fork('caller'),
  });
  const pace =
    options.startsPerSecondMax === undefined ? {} : { startsPerSecondMax: options.startsPerSecondMax };
  const load = new Load({ caller, mock, random: random.fork('load'), ...(among ? { among } : {}), ...pace });
  const recovery = new RecoveryWatch();
  load.onMove = (runId) => recovery.moved(runId);
  const scene: Scene = {
    cluster,
    fleet,
    load,
    caller,
    mock,
    recovery,
    random: random.fork('faults'),
    context,
  };
  try {
    return await play(scene, options, audit);
  } finally {
    caller.close();
    await fleet.end();
    await mock.stop();
    await cluster.remove();
  }
}

async function play(scene: Scene, options: CampaignOptions, audit: Audit | null): Promise<RowReport> {
  const { context, load, fleet, caller, cluster, mock, recovery } = scene;
  const violations: string[] = [];
  await load.prepare();
  await options.before?.(scene);
  const memoryAtStart = fleet.memoryMib();
  const startedAt = performance.now();
  const isWanted = () =>
    performance.now() - startedAt < context.seconds * 1000 || load.started < context.runs;
  const loading = load.run(isWanted);
  const struck = await strikes(scene, options, isWanted, violations);
  await loading;
  await options.whenLoadEnds?.();
  const lastFaultAtMs = Date.now();
  context.note(`${load.started} runs started, ${sumOf(struck)} faults; waiting for what is under way`);
  const { settleMsMax = 30_000 } = options;
  await settled(scene, lastFaultAtMs + settleMsMax);
  violations.push(...((await options.after?.(scene)) ?? []));
  const seconds = (performance.now() - startedAt) / 1000;
  const observation = await observe(cluster.url);
  const writes = await audit?.seen(cluster.url);
  if (writes?.judged === 0) violations.push('no write of a dispatcher was judged');
  violations.push(
    ...load.violations,
    ...observation.violations,
    ...(await repeatedStarts(cluster.url, load.keyed)),
    ...(options.judge?.(scene, observation) ?? []),
    ...(options.mayDie ? [] : fleet.deaths()),
    ...wrongEnds(load, observation.runs),
    ...openRuns(observation.runs),
    ...journalsOf(new Set(writes?.stale.map(({ runId }) => runId)), observation.runs),
    ...findViolations({
      acknowledgements: load.acknowledgements,
      requests: mock.requests,
      runs: observation.runs,
      staleWrites: writes?.stale ?? [],
      lastFaultAtMs,
      observedAtMs: observation.observedAtMs,
      settleMsMax,
    }),
  );
  if (recovery.unrecovered > 0) violations.push(`${recovery.unrecovered} fault(s) were not recovered from`);
  const { states, events } = observation;
  const lost = events.get('attempt.lost') ?? 0;
  const figures = {
    'seconds, quiet included': seconds.toFixed(0),
    runs: `${observation.runs.length} (${[...states].map(([state, n]) => `${n} ${state}`).join(', ')})`,
    acknowledged: load.acknowledgements.filter(({ kind }) => kind === 'start').length,
    'steps that ended': stepEnds(observation),
    attempts: `${mock.requests.length}, of which ${lost} lost and ${events.get('attempt.failed') ?? 0} to be repeated`,
    faults: [...struck].map(([kind, n]) => `${n} ${kind}`).join(', ') || 'none',
    ...(writes ? { 'writes of dispatchers judged': writes.judged } : {}),
    'retries of clients': caller.retries,
    'starts of processes in vain': fleet.failedStarts,
    'slowest answer': `${(caller.slowestMs / 1000).toFixed(1)} s`,
    'settled after the last fault': `${((lastEventMs(observation.runs) - lastFaultAtMs) / 1000).toFixed(1)} s`,
    ...recovery.figures(),
    'memory of all processes': `${memoryAtStart} MiB at the start, ${fleet.memoryMib()} MiB at the end`,
    ...options.figures?.(scene),
  };
  return { figures, violations };
}

/** Faults at their times, as long as there is load. Answers how many of each kind. */
async function strikes(
  scene: Scene,
  { faults, everyMs, strikesMax = Number.POSITIVE_INFINITY }: CampaignOptions,
  isWanted: () => boolean,
  violations: string[],
): Promise<Map<string, number>> {
  const { random, load, recovery } = scene;
  const struck = new Map<string, number>();
  if (faults.length === 0) {
    while (isWanted()) await pause(50);
    return struck;
  }
  let nextAt = performance.now();
  for (let bag: Fault[] = []; ; ) {
    nextAt = Math.max(nextAt + random.between(...everyMs), performance.now());
    while (isWanted() && performance.now() < nextAt) await pause(20);
    if (!isWanted()) return struck;
    if (sumOf(struck) === strikesMax) continue;
    // Each kind once before any comes again.
    if (bag.length === 0) bag = random.shuffled(faults);
    const fault = bag.pop()!;
    count(struck, fault.kind);
    const striking = fault.strike(scene);
    recovery.mark(fault.kind, load.runsUnderWay, striking);
    await striking.catch((error) => void violations.push(`${fault.kind}: ${error}`));
  }
}

/** Until clients and queue have nothing left, or it is too late. */
async function settled({ load, cluster, caller }: Scene, untilMs: number): Promise<void> {
  await load.settled(untilMs - Date.now());
  // Runs that no client knows of, such as children, end in the database alone.
  await queueEmptied(cluster.url, untilMs);
  caller.close();
}

/** Of runs that are not over: what there is to see of them. */
function* openRuns(runs: Awaited<ReturnType<typeof observe>>['runs']): Generator<string> {
  for (const { runId, definition, status, journal, queueRow, inboxRows } of runs) {
    if (status.phase === 'done') continue;
    const last = journal.slice(-3).map(({ seq, event }) => `${seq} ${JSON.stringify(event).slice(0, 160)}`);
    const queue = queueRow === null ? 'not in the queue' : `in the queue of ${queueRow.owner ?? 'nobody'}`;
    yield `${runId} (${definition.id}) is ${status.state}, ${queue}, ${inboxRows} in its inbox; ${last.join('; ')}`;
  }
}

/** Of runs that somebody wrote who should not have. */
function* journalsOf(
  ids: ReadonlySet<string>,
  runs: Awaited<ReturnType<typeof observe>>['runs'],
): Generator<string> {
  for (const { runId, definition, journal } of runs) {
    if (!ids.has(runId)) continue;
    const rows = journal.map(({ seq, event }) => `${seq} ${JSON.stringify(event).slice(0, 200)}`);
    yield `the journal of ${runId} (${definition.id}): ${rows.join('; ')}`;
  }
}

function* wrongEnds(load: Load, runs: Awaited<ReturnType<typeof observe>>['runs']): Generator<string> {
  for (const { runId, status, journal } of runs) {
    const states = load.statesOf.get(runId);
    if (states && !states.includes(status.state)) {
      const last = JSON.stringify(journal.at(-1)?.event).slice(0, 300);
      yield `${runId} ended ${status.state}, not ${states.join(' or ')}: ${last}`;
    }
  }
}

function lastEventMs(runs: Awaited<ReturnType<typeof observe>>['runs']): number {
  return runs.reduce((last, { journal }) => Math.max(last, journal.at(-1)?.event.at ?? 0), 0);
}

const sumOf = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, n) => sum + n, 0);
