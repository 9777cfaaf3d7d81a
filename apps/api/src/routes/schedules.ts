import { randomUUID } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { nextTick, Problem, timingOf } from '@waybill/protocol';
import {
  addSchedule,
  deleteSchedule,
  findSchedule,
  type ListedSchedule,
  listSchedules,
  replaceSchedule,
  type ScheduleRow,
} from '@waybill/store';
import type { Context } from 'hono';
import { requireScope } from '../auth.ts';
import { parseWith, readJson } from '../body.ts';
import type { ApiEnv } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { claimKey, idempotencyHeader, idempotencyOf } from '../idempotency.ts';
import { page, pageQuery, placeCursor, placeText } from '../paging.ts';
import { noSchedule, requireSchedule } from '../require-schedule.ts';
import { type ReadSchedule, readSchedule } from '../schedule-input.ts';
import {
  createScheduleBody,
  putScheduleBody,
  scheduleParam,
  scheduleSummary,
  scheduleView,
} from '../schedule-schemas.ts';
import { scheduleResponse, scheduleSummaryOf } from '../schedule-view.ts';
import { listOf } from '../schemas.ts';
import type { Router, Services } from '../services.ts';

const tag = { tags: ['Schedules'] };
const listQuery = z.object({ ...pageQuery, cursor: placeCursor });

/** Schedules of one project. */
const schedulesMax = 1000;

/** Recurring starts of stored workflows: kept here, and carried out by the schedulers of dispatchers. */
export function scheduleRoutes(app: Router, services: Services): void {
  const { deps, writes } = services;

  documented(app, {
    ...tag,
    method: 'post',
    path: '/v1/schedules',
    summary: 'Create a schedule that starts runs of a stored workflow',
    request: { headers: idempotencyHeader, body: jsonOf(createScheduleBody) },
    responses: { 201: { description: 'The schedule', ...jsonOf(scheduleView) } },
  });
  app.post('/v1/schedules', async (c) => {
    const principal = requireBoth(c);
    const body = await readJson(c);
    const read = await readSchedule(services, principal, body);
    const idempotency = idempotencyOf(c, body.text);
    const claim = idempotency && (await claimKey(writes, idempotency, randomUUID()));
    const uuid = claim?.uuid ?? randomUUID();
    const isAdded = await add(services, uuid, read);
    const { projectUuid, key } = read.settings;
    const row = await findSchedule(deps.database, projectUuid, key);
    // Or it is there by the first request with this key.
    if (row?.uuid === uuid) return scheduleResponse(c, row, 201);
    if (row) throw new Problem('schedule_exists', `there is a schedule "${key}" already`);
    throw isAdded ? noSchedule(key) : tooMany();
  });

  documented(app, {
    ...tag,
    method: 'put',
    path: '/v1/schedules/{scheduleId}',
    summary: 'Create a schedule, or replace it; one that is paused stays paused',
    request: { params: scheduleParam, body: jsonOf(putScheduleBody) },
    responses: {
      200: { description: 'Replaced', ...jsonOf(scheduleView) },
      201: { description: 'Created', ...jsonOf(scheduleView) },
    },
  });
  app.put('/v1/schedules/:scheduleId', async (c) => {
    const principal = requireBoth(c);
    const key = c.req.param('scheduleId');
    const read = await readSchedule(services, principal, await readJson(c), key);
    const isNew = await put(services, read);
    return scheduleResponse(c, await requireSchedule(services, c), isNew ? 201 : 200);
  });

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/schedules',
    summary: 'Schedules, newest first',
    request: { query: listQuery },
    responses: { 200: { description: 'A page', ...jsonOf(listOf(scheduleSummary)) } },
  });
  app.get('/v1/schedules', async (c) => {
    const { limit, cursor: after } = parseWith(listQuery, c.req.query());
    const rows = await listSchedules(deps.database, readable(c), { after, limit: limit + 1 });
    const cursorOf = ({ createdAtMicros: atMicros, key: name }: ListedSchedule) =>
      placeText({ atMicros, name });
    return c.json(page(rows, limit, scheduleSummaryOf, cursorOf));
  });

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/schedules/{scheduleId}',
    summary: 'A schedule, with its next ticks',
    request: { params: scheduleParam },
    responses: { 200: { description: 'The schedule', ...jsonOf(scheduleView) } },
  });
  app.get('/v1/schedules/:scheduleId', async (c) => {
    readable(c);
    return scheduleResponse(c, await requireSchedule(services, c));
  });

  documented(app, {
    ...tag,
    method: 'delete',
    path: '/v1/schedules/{scheduleId}',
    summary: 'Delete a schedule; its runs stay',
    request: { params: scheduleParam },
    responses: { 204: { description: 'Deleted' } },
  });
  app.delete('/v1/schedules/:scheduleId', async (c) => {
    requireScope(c.get('principal'), 'workflows:write');
    const { projectUuid, key } = await requireSchedule(services, c);
    if (!(await writes.run((database) => deleteSchedule(database, projectUuid, key)))) throw noSchedule(key);
    return c.body(null, 204);
  });
}

/** Whoever makes runs start needs both: as for a definition that is stored and started at once. */
export function requireBoth(c: Context<ApiEnv>) {
  const principal = c.get('principal');
  requireScope(principal, 'workflows:write');
  requireScope(principal, 'runs:write');
  return principal;
}

function readable(c: Context<ApiEnv>): string {
  const principal = c.get('principal');
  requireScope(principal, 'runs:read', 'runs:write', 'workflows:write');
  return principal.projectUuid;
}

function add({ writes }: Services, uuid: string, { settings, nowMs }: ReadSchedule): Promise<boolean> {
  const nextAtMs = nextTick(timingOf({ ...settings, createdAtMs: nowMs }), nowMs);
  return writes.run((database) => addSchedule(database, { uuid, settings, nowMs, nextAtMs }, schedulesMax));
}

/** Answers whether it is new. */
async function put(services: Services, read: ReadSchedule): Promise<boolean> {
  const { deps, writes } = services;
  const { settings, nowMs } = read;
  const find = () => findSchedule(deps.database, settings.projectUuid, settings.key);
  for (let found: ScheduleRow | null = await find(); ; found = await find()) {
    if (found === null) {
      if (await add(services, randomUUID(), read)) return true;
      // Somebody else was faster, or there are too many.
      if ((await find()) === null) throw tooMany();
      continue;
    }
    const { uuid, revision, createdAtMs } = found;
    const nextAtMs = nextTick(timingOf({ ...settings, createdAtMs }), nowMs);
    const replacement = { uuid, revision, settings, nowMs, nextAtMs };
    if (await writes.run((database) => replaceSchedule(database, replacement))) return false;
  }
}

function tooMany(): Problem {
  const limit = { name: 'schedulesMax', value: schedulesMax };
  return new Problem('too_many_schedules', `the project has schedulesMax ${schedulesMax} schedules`, {
    limit,
  });
}
