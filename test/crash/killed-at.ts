import { failpoints } from '@waybill/store';
import { connectDatabase } from '../support/database.ts';
import { findViolations } from '../support/oracle.ts';
import { Caller, pause } from './caller.ts';
import { observe, queueEmptied } from './evidence.ts';
import { Fleet, type Slot } from './fleet.ts';
import { Load } from './load.ts';
import { Mock } from './mock.ts';
import type { RowContext } from './row.ts';
import {
  missingTicks,
  putSchedule,
  type ScheduleSpec,
  startedTicks,
  tickFaults,
  type WatchedSchedule,
} from './schedules.ts';
import { type Shape, shape, shapes, step } from './shapes.ts';

/**
 * A saga that does all there is, and fails, in the second round of its last step: every kind of flush but two comes
 * by. There is an order in what it undoes, and its hook fails, too, and is sent once more.
 */
const everything = shape('everything', 1, 'resend', ['failed'], {
  saga: true,
  retryRounds: 1,
  onError: '/heals',
  steps: [
    { ...step('slow', '/late'), compensation: '/undo' },
    { ...step('again', '/once', 'slow'), compensation: '/undo' },
    { ...step('ask', '/pending', 'again'), compensation: '/undo' },
    { id: 'wait', waitFor: 'go', dependsOn: ['ask'] },
    { id: 'nap', sleep: '50ms', dependsOn: ['wait'] },
    { id: 'sub', workflow: 'chain', dependsOn: ['nap'] },
    { ...step('ill', '/refuse', 'sub'), failurePolicy: 'retry' },
  ],
});
const retried = shapes.find(({ deed }) => deed === 'retry')!;
const waiting = shapes.find(({ deed }) => deed === 'signal')!;

interface Scenario {
  readonly shape: Shape;
  readonly env?: Readonly<Record<string, string>>;
  readonly deedAfterMs?: readonly [number, number];
  /** A process dies beforehand and leaves its run to the one with the point. */
  readonly isHeir?: boolean;
  /** The point lies on the way out. */
  readonly isStopped?: boolean;
  /** Runs start by a schedule, too. */
  readonly isScheduled?: boolean;
}

const nameOf = (point: string) => point.replace(/:\d+$/, '');

function scenarioOf(point: string): Scenario {
  if (point.endsWith('.reopen')) return { shape: retried };
  // A single place: what waits has to make room, before its signal comes.
  if (point.endsWith('.park')) {
    return { shape: waiting, env: { WAYBILL_RUNS_MAX: '1' }, deedAfterMs: [8000, 8000] };
  }
  if (point === 'rescue.after') return { shape: everything, isHeir: true };
  if (point === 'lease.release') return { shape: everything, isStopped: true };
  if (point.startsWith('schedule.')) return { shape: everything, isScheduled: true };
  return { shape: everything };
}

const ticking: ScheduleSpec = { id: 'ticking', workflow: 'chain', every: '1s', catchUp: 'all' };
const hitMsMax = 40_000;

/** What is wrong with the ticks up to a time, once they had the time to be caught up with. */
async function ticksJudged(
  caller: Caller,
  schedule: WatchedSchedule,
  databaseUrl: string,
  untilMs: number,
): Promise<string[]> {
  const started = async () => (await startedTicks(databaseUrl)).get(schedule.id) ?? [];
  const isLate = () => Date.now() > untilMs + 30_000;
  while (missingTicks(schedule, await started(), untilMs).length > 0 && !isLate()) await pause(50);
  await caller.call('POST', `/v1/schedules/${schedule.id}/pause`, {});
  return [...tickFaults(schedule, await started(), untilMs)];
}

/** Kills a process at one point, lets another take over, and answers what is wrong then. */
export async function killedAt(point: string, databaseUrl: string, context: RowContext): Promise<string[]> {
  const scenario = scenarioOf(point);
  const random = context.random.fork(point);
  const mock = await Mock.start(context.seed);
  mock.isFlaky = false;
  const fleet = await Fleet.start({
    ...{ databaseUrl, handlersUrl: mock.url, roles: ['serve'] },
    env: { ...scenario.env },
    ...(scenario.isHeir ? {} : { first: { WAYBILL_FAILPOINT: point } }),
  });
  const caller = new Caller({ urls: () => fleet.urls(), apiKey: fleet.apiKey, random });
  const { shape, deedAfterMs = [0, 100] } = scenario;
  const load = new Load({ caller, mock, random, among: [shape], deedAfterMs, keyShare: 1 });
  try {
    await load.prepare();
    const scheduled = scenario.isScheduled ? await putSchedule(caller, ticking, 1000) : null;
    const loading = load.run(() => load.started === 0);
    const hit = await die(point, scenario, fleet, mock, databaseUrl);
    await loading;
    if (hit !== null) return [hit];
    await expireLeases(databaseUrl);
    await fleet.fill(fleet.slots[0]!);
    const lastFaultAtMs = Date.now();
    await load.settled(30_000);
    const faults = scheduled ? await ticksJudged(caller, scheduled, databaseUrl, lastFaultAtMs) : [];
    await queueEmptied(databaseUrl, lastFaultAtMs + 30_000);
    return [...faults, ...(await judge(load, mock, databaseUrl, lastFaultAtMs))];
  } finally {
    caller.close();
    await fleet.end();
    await mock.stop();
  }
}

/** Null when the process has died at the point. */
async function die(
  point: string,
  { isHeir, isStopped }: Scenario,
  fleet: Fleet,
  mock: Mock,
  databaseUrl: string,
): Promise<string | null> {
  const slot = fleet.slots[0]!;
  if (isHeir || isStopped) while (mock.requests.length === 0) await pause(5);
  if (isHeir) {
    await fleet.kill(slot);
    await expireLeases(databaseUrl);
    return await refill(point, fleet, slot);
  }
  const victim = slot.process!;
  if (isStopped) void victim.stop();
  const ended = victim.ended().then(() => true);
  if (!(await Promise.race([ended, pause(hitMsMax).then(() => false)]))) return `${point} was never reached`;
  return victim.log().includes(`failpoint ${nameOf(point)}`)
    ? null
    : `not ${point} ended the process:\n${victim.log()}`;
}

/** It may die before it is ready. */
async function refill(point: string, fleet: Fleet, slot: Slot): Promise<string | null> {
  slot.env = { WAYBILL_FAILPOINT: point };
  try {
    await fleet.fill(slot);
    const victim = slot.process!;
    await victim.ended();
    return victim.log().includes(`failpoint ${nameOf(point)}`) ? null : `not ${point} ended the process`;
  } catch (error) {
    return String(error).includes(`failpoint ${nameOf(point)}`) ? null : String(error);
  } finally {
    slot.env = {};
  }
}

/** As if their time was over: what a lease does in 15 s is shown elsewhere. */
async function expireLeases(databaseUrl: string): Promise<void> {
  const sql = connectDatabase(databaseUrl);
  await sql`update dispatchers set expires_at = now() - interval '1 minute'`;
  await sql.end();
}

async function judge(load: Load, mock: Mock, url: string, lastFaultAtMs: number): Promise<string[]> {
  const { runs, observedAtMs, violations } = await observe(url);
  const { acknowledgements, statesOf } = load;
  const wrong = runs.filter(
    ({ runId, status }) => !(statesOf.get(runId) ?? [status.state]).includes(status.state),
  );
  return [
    ...load.violations,
    ...violations,
    ...(acknowledgements.length > 0 ? [] : ['nothing was acknowledged']),
    ...wrong.map(({ runId, status }) => `${runId} ended ${status.state}`),
    // All is over, or it is too late for it.
    ...findViolations({
      acknowledgements,
      requests: mock.requests,
      runs,
      lastFaultAtMs,
      observedAtMs,
      settleMsMax: 0,
    }).filter((fault) => !fault.includes('its last event came')),
  ];
}

/** How often such a run, with its child, comes by the points that it comes by more than once. */
const times: readonly (readonly [point: RegExp, times: number])[] = [
  // Of the child, of the saga, and the one that is sent again.
  [/^(send|answer|flush\.\w+)\.hook$/, 3],
  [/^flush\.\w+\.end$/, 2],
  [/^(send|answer|flush\.\w+)\.compensation$/, 3],
  // The second rounds of two, and five of the child.
  [/^(send|answer|flush\.\w+)\.step$/, 11],
  // Of the callback, the signal and the resending; and what the end of the child posts.
  [/^api\.(command|commanded|applied)$/, 3],
  [/^flush\.\w+\.command$/, 4],
];

/** Each point, and those that come by more than once at their first, second and last time, as `name:n`. */
export const points: readonly string[] = Object.keys(failpoints).flatMap((point) => {
  const last = times.find(([pattern]) => pattern.test(point))?.[1] ?? 1;
  return [...new Set([1, Math.min(2, last), last])].map((nth) => (nth === 1 ? point : `${point}:${nth}`));
});
