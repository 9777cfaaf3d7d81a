import type { z } from '@hono/zod-openapi';
import type { WorkflowDefinition } from '@waybill/engine';
import { elementTexts, memberText, Problem } from '@waybill/protocol';
import { requireScope } from '../auth.ts';
import { contextText, type JsonBody, parseWith, readJson } from '../body.ts';
import type { ApiDeps } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { idempotencyHeader, idempotencyOf } from '../idempotency.ts';
import { keyParam, requireKey } from '../params.ts';
import type { BatchItem } from '../run-batch.ts';
import { summaryOf } from '../run-summary.ts';
import { batchBody, batchRunsMax, batchView, runStatus, startBody } from '../schemas.ts';
import type { Router, Services } from '../services.ts';
import { startAtOf } from '../start-time.ts';
import { startedResponse } from '../started-response.ts';

const tag = { tags: ['Workflows'] };

/** Starts of runs of stored workflows: one, now or later, or many at once. */
export function runStartRoutes(app: Router, services: Services): void {
  const { deps, versions, starter, backlog } = services;

  documented(app, {
    ...tag,
    method: 'post',
    path: '/v1/workflows/{key}/runs',
    summary: 'Start a run of a stored workflow, now or later',
    request: { params: keyParam, headers: idempotencyHeader, body: jsonOf(startBody) },
    responses: { 201: { description: 'The run', ...jsonOf(runStatus) } },
  });
  app.post('/v1/workflows/:key/runs', async (c) => {
    const principal = c.get('principal');
    requireScope(principal, 'runs:write');
    backlog.admit(principal.projectUuid);
    const body = await readJson(c);
    const context = contextText(body, deps.limits);
    const input = parseWith(startBody, body.value);
    const key = requireKey(c.req.param('key'));
    const resolved = await versions.resolve(principal, key, input.version);
    const started = await starter.start({
      principal,
      version: async () => resolved,
      ...itemOf(input, context, resolved.plan.definition),
      startAtMs: startAtOf(input, { nowMs: deps.now(), limits: deps.limits }),
      idempotency: idempotencyOf(c, body.text),
    });
    return startedResponse(c, started);
  });

  documented(app, {
    ...tag,
    method: 'post',
    path: '/v1/workflows/{key}/runs/batch',
    summary: `Start up to ${batchRunsMax} runs of a stored workflow: all of them, or none`,
    request: { params: keyParam, headers: idempotencyHeader, body: jsonOf(batchBody) },
    responses: { 201: { description: 'The runs, in the order of the request', ...jsonOf(batchView) } },
  });
  app.post('/v1/workflows/:key/runs/batch', async (c) => {
    const principal = c.get('principal');
    requireScope(principal, 'runs:write');
    backlog.admit(principal.projectUuid);
    const body = await readJson(c);
    refuseTooMany(body.value);
    const input = parseWith(batchBody, body.value);
    const resolved = await versions.resolve(principal, requireKey(c.req.param('key')), input.version);
    const rows = await starter.startBatch({
      principal,
      version: async () => resolved,
      items: itemsOf(input, body, { deps, definition: resolved.plan.definition }),
      idempotency: idempotencyOf(c, body.text),
    });
    return c.json({ data: rows.map(summaryOf) }, 201);
  });
}

type StartInput = Pick<z.output<typeof startBody>, 'tags' | 'metadata'>;

function itemOf({ tags, metadata }: StartInput, context: string, definition: WorkflowDefinition): BatchItem {
  return {
    context,
    tags: tags ?? definition.tags ?? [],
    metadata: { ...definition.metadata, ...metadata },
  };
}

/** @throws Problem with the place of the run in its path. */
function itemsOf(
  { runs }: z.output<typeof batchBody>,
  body: JsonBody,
  { deps, definition }: { readonly deps: ApiDeps; readonly definition: WorkflowDefinition },
): BatchItem[] {
  const { limits } = deps;
  const nowMs = deps.now();
  const { texts } = elementTexts(memberText(body.text, 'runs')!, runs.length)!;
  return runs.map((run, index) => {
    const path = `runs[${index}].`;
    const context = contextText({ text: texts[index]!, value: run }, limits, path);
    return { ...itemOf(run, context, definition), startAtMs: startAtOf(run, { nowMs, limits, path }) };
  });
}

/** Alone: a thousand faulty runs would be answered with as many faults. */
function refuseTooMany(value: unknown): void {
  const runs = (value as { runs?: unknown } | null)?.runs;
  if (!Array.isArray(runs) || runs.length <= batchRunsMax) return;
  const limit = { name: 'batchRunsMax', value: batchRunsMax };
  const message = `has ${runs.length} runs, above batchRunsMax ${batchRunsMax}`;
  throw new Problem('invalid_request', 'the request has 1 fault(s)', {
    errors: [{ path: 'runs', message, limit }],
  });
}
