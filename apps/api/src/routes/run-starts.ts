import type { z } from '@hono/zod-openapi';
import type { WorkflowDefinition } from '@waybill/engine';
import { elementTexts, memberText } from '@waybill/protocol';
import { requireScope } from '../auth.ts';
import { type JsonBody, parseWith, type ReadContext, readContext, readJson } from '../body.ts';
import type { ApiDeps } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { refuseFaults } from '../faults.ts';
import { idempotencyHeader, idempotencyOf } from '../idempotency.ts';
import { keyParam, requireKey } from '../params.ts';
import type { BatchItem } from '../run-batch.ts';
import { summaryOf } from '../run-summary.ts';
import { batchBody, batchRunsMax, batchView, runStatus, startBody } from '../schemas.ts';
import type { Router, Services } from '../services.ts';
import { type StartTime, type StartTimeOptions, startTimeOf } from '../start-time.ts';
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
    const start = startOf(body, { limits: deps.limits, nowMs: deps.now(), path: '' });
    const input = parseWith(startBody, body.value, start.faults);
    const key = requireKey(c.req.param('key'));
    const resolved = await versions.resolve(principal, key, input.version);
    const started = await starter.start({
      principal,
      version: async () => resolved,
      ...itemOf(input, start, resolved.plan.definition),
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
    const starts = startsOf(body, deps);
    const faults = starts.flatMap((start) => start.faults);
    const input = parseWith(batchBody, body.value, faults);
    const resolved = await versions.resolve(principal, requireKey(c.req.param('key')), input.version);
    const rows = await starter.startBatch({
      principal,
      version: async () => resolved,
      items: input.runs.map((run, index) => itemOf(run, starts[index]!, resolved.plan.definition)),
      idempotency: idempotencyOf(c, body.text),
    });
    return c.json({ data: rows.map(summaryOf) }, 201);
  });
}

/** What is judged beside the schema. */
type Start = ReadContext & StartTime;

function startOf(body: JsonBody, options: StartTimeOptions): Start {
  const { context, faults } = readContext(body, options.limits, options.path);
  const time = startTimeOf(body.value, options);
  return { context, startAtMs: time.startAtMs, faults: [...faults, ...time.faults] };
}

type StartInput = Pick<z.output<typeof startBody>, 'tags' | 'metadata'>;

function itemOf(
  { tags, metadata }: StartInput,
  { context, startAtMs }: Start,
  definition: WorkflowDefinition,
): BatchItem {
  return {
    context,
    tags: tags ?? definition.tags ?? [],
    metadata: { ...definition.metadata, ...metadata },
    startAtMs,
  };
}

/** Those of a batch, each of its own text; none of a body that has no list of them. */
function startsOf({ text, value }: JsonBody, { limits, now }: ApiDeps): Start[] {
  const runs: unknown = (value as { runs?: unknown } | null)?.runs;
  if (!Array.isArray(runs)) return [];
  const nowMs = now();
  const { texts } = elementTexts(memberText(text, 'runs')!, runs.length)!;
  return runs.map((run: unknown, index) => {
    return startOf({ text: texts[index]!, value: run }, { limits, nowMs, path: `runs[${index}].` });
  });
}

/** Alone: a thousand faulty runs would be answered with as many faults. */
function refuseTooMany(value: unknown): void {
  const runs = (value as { runs?: unknown } | null)?.runs;
  if (!Array.isArray(runs) || runs.length <= batchRunsMax) return;
  const limit = { name: 'batchRunsMax', value: batchRunsMax };
  const message = `has ${runs.length} runs, above batchRunsMax ${batchRunsMax}`;
  refuseFaults([{ path: 'runs', message, limit }]);
}
