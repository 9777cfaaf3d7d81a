import { z } from '@hono/zod-openapi';
import { isTerminal } from '@waybill/engine';
import {
  idOfUuid,
  metadataSchema,
  Problem,
  settingText,
  uuidOfId,
  workflowKeySchema,
} from '@waybill/protocol';
import { listRuns, type RunRow } from '@waybill/store';
import { requireScope } from '../auth.ts';
import { faultsOf, parseWith } from '../body.ts';
import { documented, jsonOf } from '../documented.ts';
import { cursorBy, page, pageQuery } from '../paging.ts';
import { idParam } from '../params.ts';
import { requireRun } from '../require-run.ts';
import { summaryOf } from '../run-summary.ts';
import type { RunView } from '../run-views.ts';
import { listOf, runStatus, runSummary } from '../schemas.ts';
import { type Router, type Services, waitsMaxDefault } from '../services.ts';
import { statusResponse } from '../status-response.ts';

const tag = { tags: ['Runs'] };
const waitQuery = z.object({ wait: z.coerce.number().min(0).max(60).optional() });

const listQuery = z.object({
  ...pageQuery,
  cursor: cursorBy((text) => uuidOfId('run', text)),
  workflow: workflowKeySchema.optional(),
  state: z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']).optional(),
  tag: settingText({ min: 1, max: 128 }).optional(),
  createdAfter: z.iso.datetime({ offset: true }).optional(),
  createdBefore: z.iso.datetime({ offset: true }).optional(),
});

const metadataQuery = z.object({ metadata: metadataSchema.optional() });

/** Runs: status and lists. */
export function runRoutes(app: Router, services: Services): void {
  const { deps } = services;

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/runs',
    summary: 'Runs, newest first; filter further with metadata.<key>=<value>',
    request: { query: listQuery },
    responses: { 200: { description: 'A page', ...jsonOf(listOf(runSummary)) } },
  });
  app.get('/v1/runs', async (c) => {
    requireScope(c.get('principal'), 'runs:read');
    const metadata = metadataFilter(c.req.query());
    const query = parseWith(listQuery, c.req.query(), faultsOf(metadataQuery, { metadata }));
    const filter = {
      projectUuid: c.get('principal').projectUuid,
      workflowKey: query.workflow,
      state: query.state,
      tag: query.tag,
      metadata,
      createdAfterMs: query.createdAfter && Date.parse(query.createdAfter),
      createdBeforeMs: query.createdBefore && Date.parse(query.createdBefore),
      beforeUuid: query.cursor,
      limit: query.limit + 1,
    };
    const rows = await listRuns(deps.database, filter as Parameters<typeof listRuns>[1]);
    return c.json(page(rows, query.limit, summaryOf, (row) => idOfUuid('run', row.uuid)));
  });

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/runs/{id}',
    summary: 'Status of a run; a workflow key instead of an id means its latest run',
    request: { params: idParam, query: waitQuery },
    responses: { 200: { description: 'The status', ...jsonOf(runStatus) } },
  });
  app.get('/v1/runs/:id', async (c) => {
    requireScope(c.get('principal'), 'runs:read');
    const { wait = 0 } = parseWith(waitQuery, c.req.query());
    const row = await requireRun(services, c);
    if (wait === 0) return statusResponse(c, await services.views.get(row));
    refuseWaits(services);
    return statusResponse(c, await awaitEnd(services, row, wait * 1000, c.req.raw.signal));
  });
}

/** @throws Problem `too_many_waits` */
function refuseWaits({ feed, deps: { waitsMax = waitsMaxDefault } }: Services): void {
  if (feed.watches < waitsMax) return;
  const detail = `this server has waitsMax ${waitsMax} requests that wait; ask without "wait", or try again`;
  const limit = { name: 'waitsMax', value: waitsMax };
  throw new Problem('too_many_waits', detail, { limit, retryAfterSeconds: 1 });
}

/** Follows the run until it is terminal, the time is over, or this process is stopping. */
async function awaitEnd(
  { views, feed }: Services,
  row: RunRow,
  waitMs: number,
  signal: AbortSignal,
): Promise<RunView> {
  const deadline = performance.now() + waitMs;
  const watch = feed.watch(row.uuid);
  try {
    for (;;) {
      const view = await views.get(row);
      const left = deadline - performance.now();
      if (isTerminal(view.state.state) || left <= 0 || signal.aborted || feed.isClosed) return view;
      await watch.changed(view.seq, left, signal);
    }
  } finally {
    watch.close();
  }
}

function metadataFilter(query: Record<string, string>): Record<string, string> | undefined {
  const pairs = Object.entries(query).filter(([name]) => name.startsWith('metadata.'));
  if (pairs.length === 0) return undefined;
  return Object.fromEntries(pairs.map(([name, value]) => [name.slice('metadata.'.length), value]));
}
