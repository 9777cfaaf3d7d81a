import { z } from '@hono/zod-openapi';
import type { WorkflowDefinition } from '@waybill/engine';
import { findWarnings, Problem, type ProblemError, writtenDefinition } from '@waybill/protocol';
import { findVersion, listVersions, listWorkflows, type VersionRow, type WorkflowRow } from '@waybill/store';
import type { Context } from 'hono';
import { requireScope } from '../auth.ts';
import { type JsonBody, parseWith, readContext, readJson } from '../body.ts';
import type { ApiEnv } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { idempotencyHeader, idempotencyOf } from '../idempotency.ts';
import { numberCursor, page, pageQuery, placeCursor, placeText } from '../paging.ts';
import { keyParam, requireKey, versionMax, versionNumber } from '../params.ts';
import {
  createBody,
  listOf,
  putBody,
  putView,
  runStatus,
  validView,
  versionView,
  workflowView,
} from '../schemas.ts';
import type { Router, Services } from '../services.ts';
import { startedResponse } from '../started-response.ts';

const tag = { tags: ['Workflows'] };
const listQuery = z.object({ ...pageQuery, cursor: placeCursor });
const versionsQuery = z.object({ ...pageQuery, cursor: numberCursor({ min: 1, max: versionMax }) });
const versionParam = keyParam.extend({ version: versionNumber });

/** Stored definitions, and `create`, which stores one and starts a run of it. */
export function workflowRoutes(app: Router, services: Services): void {
  const { deps, versions, starter, backlog } = services;

  documented(app, {
    ...tag,
    method: 'post',
    path: '/v1/workflows',
    summary: 'Store the definition if it is new, and start a run',
    request: { headers: idempotencyHeader, body: jsonOf(createBody) },
    responses: { 201: { description: 'The run', ...jsonOf(runStatus) } },
  });
  app.post('/v1/workflows', async (c) => {
    const principal = c.get('principal');
    requireScope(principal, 'workflows:write');
    requireScope(principal, 'runs:write');
    backlog.admit(principal.projectUuid);
    const body = await readJson(c);
    const { context, faults } = readContext(body, deps.limits);
    const definition = versions.check(withoutContext(body), principal, faults);
    const { tags = [], metadata = {} } = definition;
    const idempotency = idempotencyOf(c, body.text);
    const version = () => versions.store(definition, principal, false);
    const started = await starter.start({ principal, version, context, tags, metadata, idempotency });
    for (const { path, message } of findWarnings(definition))
      c.header('waybill-warning', `${path}: ${message}`);
    return startedResponse(c, started);
  });

  documented(app, {
    ...tag,
    method: 'post',
    path: '/v1/workflows/validate',
    summary: 'Check a definition without storing it',
    request: { body: jsonOf(createBody) },
    responses: { 200: { description: 'It has no faults', ...jsonOf(validView) } },
  });
  app.post('/v1/workflows/validate', async (c) => {
    requireScope(c.get('principal'), 'workflows:write');
    const body = await readJson(c);
    const { faults } = readContext(body, deps.limits);
    const definition = versions.check(withoutContext(body), c.get('principal'), faults);
    return c.json({ valid: true, warnings: findWarnings(definition) });
  });

  documented(app, {
    ...tag,
    method: 'put',
    path: '/v1/workflows/{key}',
    summary: 'Store a definition and make it the latest',
    request: { params: keyParam, body: jsonOf(putBody) },
    responses: {
      200: { description: 'An identical version was stored already', ...jsonOf(putView) },
      201: { description: 'A new version', ...jsonOf(putView) },
    },
  });
  app.put('/v1/workflows/:key', async (c) => {
    const principal = c.get('principal');
    requireScope(principal, 'workflows:write');
    const { value } = await readJson(c);
    const key = c.req.param('key');
    const input =
      typeof value === 'object' && value !== null && !('id' in value) ? { id: key, ...value } : value;
    const definition = versions.check(input, principal, otherIdFaults(input, key));
    const { version, isNew } = await versions.store(definition, principal, true);
    const written = writtenDefinition(definition);
    return c.json(
      { key, version, definition: written, warnings: findWarnings(definition) },
      isNew ? 201 : 200,
    );
  });

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/workflows',
    summary: 'Workflows, newest first',
    request: { query: listQuery },
    responses: { 200: { description: 'A page', ...jsonOf(listOf(workflowView)) } },
  });
  app.get('/v1/workflows', async (c) => {
    const { limit, cursor: after } = parseWith(listQuery, c.req.query());
    const project = readable(c);
    const rows = await listWorkflows(deps.database, project, { after, limit: limit + 1 });
    const cursorOf = ({ createdAtMicros: atMicros, key: name }: WorkflowRow) => placeText({ atMicros, name });
    return c.json(page(rows, limit, summaryOf, cursorOf));
  });

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/workflows/{key}',
    summary: 'The latest version',
    request: { params: keyParam },
    responses: { 200: { description: 'The version', ...jsonOf(versionView) } },
  });
  app.get('/v1/workflows/:key', async (c) => {
    return c.json(await requireVersion(services, c, c.req.param('key')));
  });

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/workflows/{key}/versions',
    summary: 'Versions, newest first',
    request: { params: keyParam, query: versionsQuery },
    responses: { 200: { description: 'A page', ...jsonOf(listOf(versionView)) } },
  });
  app.get('/v1/workflows/:key/versions', async (c) => {
    const project = readable(c);
    const key = c.req.param('key');
    const { limit, cursor: beforeVersion } = parseWith(versionsQuery, c.req.query());
    await requireVersion(services, c, key);
    const rows = await listVersions(deps.database, project, key, { beforeVersion, limit: limit + 1 });
    return c.json(page(rows, limit, viewOf, (row) => String(row.version)));
  });

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/workflows/{key}/versions/{version}',
    summary: 'One version',
    request: { params: versionParam },
    responses: { 200: { description: 'The version', ...jsonOf(versionView) } },
  });
  app.get('/v1/workflows/:key/versions/:version', async (c) => {
    const { key, version } = c.req.param();
    return c.json(await requireVersion(services, c, key, version));
  });
}

function otherIdFaults(input: unknown, key: string): ProblemError[] {
  const id = (input as { id?: unknown } | null)?.id;
  if (typeof id !== 'string' || id === key) return [];
  return [{ path: 'id', message: `"${id}" is not the key in the path, "${key}"` }];
}

function withoutContext({ value }: JsonBody): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { context: _, ...definition } = value as Record<string, unknown>;
  return definition;
}

/** The project whose definitions the caller may read: whoever sees or starts runs, or stores workflows. */
function readable(c: Context<ApiEnv>): string {
  const principal = c.get('principal');
  requireScope(principal, 'runs:read', 'runs:write', 'workflows:write');
  return principal.projectUuid;
}

async function requireVersion({ deps }: Services, c: Context<ApiEnv>, name: string, version?: string) {
  const project = readable(c);
  const key = requireKey(name);
  const number = version === undefined ? undefined : Number(version);
  const isPossible =
    version === undefined || (/^\d+$/.test(version) && versionNumber.safeParse(number).success);
  const row = isPossible ? await findVersion(deps.database, project, key, number) : null;
  if (row) return viewOf(row);
  throw new Problem(
    'not_found',
    version === undefined ? `no workflow "${key}"` : `no version ${version} of "${key}"`,
  );
}

function summaryOf({ createdAtMicros: _, ...row }: WorkflowRow) {
  return row;
}

function viewOf(row: VersionRow) {
  const definition = JSON.parse(row.definition) as WorkflowDefinition;
  const { key, version, createdAt } = row;
  return { key, version, createdAt, definition: writtenDefinition(definition) };
}
