import { defaultTimeZone, findTimingFaults, type ProblemError, scheduleSchema } from '@waybill/protocol';
import { databaseNowMs, findVersion, type ScheduleSettings } from '@waybill/store';
import { type JsonBody, parseWith, readContext } from './body.ts';
import type { Principal } from './deps.ts';
import { createScheduleBody } from './schedule-schemas.ts';
import type { Services } from './services.ts';

export interface ReadSchedule {
  readonly settings: ScheduleSettings;
  /** The database's clock, in epoch ms. */
  readonly nowMs: number;
}

/** A schedule that was sent. `key` is that of the path. @throws Problem with the path of every fault. */
export async function readSchedule(
  { deps }: Services,
  { projectUuid }: Principal,
  body: JsonBody,
  key?: string,
): Promise<ReadSchedule> {
  const sent = key === undefined ? body.value : withId(body.value, key);
  const nowMs = await databaseNowMs(deps.database);
  const { context, faults } = readContext(body, deps.limits);
  const input = parseWith(createScheduleBody, sent, [
    ...otherIdFaults(sent, key),
    ...(await workflowFaults(deps, projectUuid, sent)),
    ...findTimingFaults(sent, { nowMs, limits: deps.limits }),
    ...faults,
    ...reservedFaults(sent),
  ]);
  const { cron = null, timeZone = defaultTimeZone, every, metadata } = input;
  const settings = {
    projectUuid,
    key: input.id,
    workflowKey: input.workflow,
    version: input.version ?? null,
    cron,
    timeZone: cron === null ? null : timeZone,
    everyMs: every === undefined ? null : Math.round(every * 1000),
    context,
    tags: input.tags ?? null,
    metadata: metadata === undefined ? null : JSON.stringify(metadata),
    catchUp: input.catchUp ?? 'latest',
    overlap: input.overlap ?? 'allow',
  };
  return { settings, nowMs };
}

function withId(sent: unknown, id: string): unknown {
  return typeof sent === 'object' && sent !== null && !('id' in sent) ? { id, ...sent } : sent;
}

function otherIdFaults(sent: unknown, key: string | undefined): ProblemError[] {
  const id = (sent as { id?: unknown } | null)?.id;
  if (key === undefined || typeof id !== 'string' || id === key) return [];
  return [{ path: 'id', message: `"${id}" is not the id in the path, "${key}"` }];
}

/** What has no sense by itself is a fault of shape already. */
const sentWorkflow = scheduleSchema.pick({ workflow: true, version: true }).loose();

async function workflowFaults(
  { database }: Services['deps'],
  project: string,
  sent: unknown,
): Promise<ProblemError[]> {
  const { workflow, version } = sentWorkflow.safeParse(sent).data ?? {};
  if (workflow === undefined || (await findVersion(database, project, workflow, version))) return [];
  if (version === undefined || !(await findVersion(database, project, workflow))) {
    return [{ path: 'workflow', message: `no workflow "${workflow}"` }];
  }
  return [{ path: 'version', message: `no version ${version} of "${workflow}"` }];
}

/** Set by the schedule itself. */
const reserved = ['schedule', 'scheduledAt'];

function reservedFaults(sent: unknown): ProblemError[] {
  const metadata: unknown = (sent as { metadata?: unknown } | null)?.metadata;
  if (typeof metadata !== 'object' || metadata === null) return [];
  return reserved
    .filter((name) => Object.hasOwn(metadata, name))
    .map((name) => ({ path: `metadata.${name}`, message: 'is set by the schedule itself' }));
}
