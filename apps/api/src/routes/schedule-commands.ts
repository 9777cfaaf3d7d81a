import { randomUUID } from 'node:crypto';
import { limitOf, nextTick, Problem, timingOf } from '@waybill/protocol';
import { databaseNowMs, findSchedule, pauseOrResume, type ScheduleRow } from '@waybill/store';
import { requireScope } from '../auth.ts';
import { parseWith, readJson } from '../body.ts';
import type { ApiDeps } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { claimOf, type Idempotency, idempotencyHeader, idempotencyOf, isRepeat } from '../idempotency.ts';
import { noSchedule, requireSchedule } from '../require-schedule.ts';
import { scheduleParam, scheduleView } from '../schedule-schemas.ts';
import { scheduleResponse } from '../schedule-view.ts';
import { emptyBody, runStatus } from '../schemas.ts';
import type { Router, Services } from '../services.ts';
import { startedResponse } from '../started-response.ts';
import { requireBoth } from './schedules.ts';

const request = { params: scheduleParam, headers: idempotencyHeader, body: jsonOf(emptyBody) };

/** What is done to a schedule that stays as it is: pause, resume, a run now. */
export function scheduleCommandRoutes(app: Router, services: Services): void {
  const { deps, versions, starter, backlog } = services;

  for (const verb of ['pause', 'resume'] as const) {
    documented(app, {
      tags: ['Schedules'],
      method: 'post',
      path: `/v1/schedules/{scheduleId}/${verb}`,
      summary:
        verb === 'pause' ? 'Start nothing until it is resumed' : 'Go on with the first tick from now on',
      request,
      responses: { 200: { description: 'The schedule', ...jsonOf(scheduleView) } },
    });
    app.post(`/v1/schedules/:scheduleId/${verb}`, async (c) => {
      if (verb === 'resume') requireBoth(c);
      else requireScope(c.get('principal'), 'workflows:write');
      const row = await requireSchedule(services, c);
      const body = await readJson(c);
      parseWith(emptyBody, body.value);
      return scheduleResponse(c, await change(services, row, verb === 'pause', idempotencyOf(c, body.text)));
    });
  }

  documented(app, {
    tags: ['Schedules'],
    method: 'post',
    path: '/v1/schedules/{scheduleId}/trigger',
    summary: 'Start a run now, whatever pause and overlap say',
    request,
    responses: { 201: { description: 'The run', ...jsonOf(runStatus) } },
  });
  app.post('/v1/schedules/:scheduleId/trigger', async (c) => {
    const principal = c.get('principal');
    requireScope(principal, 'runs:write');
    backlog.admit(principal.projectUuid);
    const row = await requireSchedule(services, c);
    const body = await readJson(c);
    parseWith(emptyBody, body.value);
    refuseLarge(row, deps);
    const resolved = await versions.resolve(principal, row.workflowKey, row.version ?? undefined);
    const { tags, metadata } = resolved.plan.definition;
    const own = row.metadata === null ? {} : (JSON.parse(row.metadata) as Record<string, string>);
    const started = await starter.start({
      principal,
      version: async () => resolved,
      context: row.context,
      tags: row.tags ?? tags ?? [],
      // No `scheduledAt`: it is the run of no tick.
      metadata: { ...metadata, ...own, schedule: row.key },
      idempotency: idempotencyOf(c, body.text),
    });
    return startedResponse(c, started);
  });
}

/** As it is afterwards. With a key, the same request again changes nothing, whatever came between. */
async function change(
  { deps, writes }: Services,
  row: ScheduleRow,
  isPaused: boolean,
  idempotency: Idempotency | null,
): Promise<ScheduleRow> {
  const { database } = deps;
  const claim = idempotency && claimOf(idempotency, randomUUID());
  for (let found = row; ; found = await reread(deps, row)) {
    if (claim ? await isRepeat(database, claim) : found.isPaused === isPaused) return found;
    const nowMs = await databaseNowMs(database);
    const nextAtMs = isPaused ? null : nextTick(timingOf(found), nowMs);
    const { uuid, revision } = found;
    const write = { uuid, revision, isPaused, nowMs, nextAtMs };
    if (await writes.run((own) => pauseOrResume(own, write, claim))) return await reread(deps, row);
  }
}

/** @throws Problem `not_found` */
async function reread({ database }: ApiDeps, { projectUuid, key }: ScheduleRow): Promise<ScheduleRow> {
  const row = await findSchedule(database, projectUuid, key);
  if (!row) throw noSchedule(key);
  return row;
}

/** The limit may be another one by now. @throws Problem `context_too_large` */
function refuseLarge({ context }: ScheduleRow, { limits }: ApiDeps): void {
  const bytes = Buffer.byteLength(context);
  const limit = limitOf(limits, 'contextBytesMax');
  if (bytes <= limit.value) return;
  const detail = `the context has ${bytes} bytes, above contextBytesMax ${limit.value}`;
  throw new Problem('context_too_large', detail, { limit });
}
