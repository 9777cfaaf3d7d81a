import { z } from '@hono/zod-openapi';
import { Problem } from '@waybill/protocol';
import { readEvents } from '@waybill/store';
import { attemptsOf } from '../attempts.ts';
import { requireScope } from '../auth.ts';
import { parseWith } from '../body.ts';
import { documented, jsonOf } from '../documented.ts';
import { eventText } from '../event-view.ts';
import { graphOf } from '../graph.ts';
import { pageQuery } from '../paging.ts';
import { idParam } from '../params.ts';
import { requireRun } from '../require-run.ts';
import { attemptView, eventView, graphView, listOf } from '../schemas.ts';
import type { Router, Services } from '../services.ts';

const tag = { tags: ['Runs'] };
const seqMax = 2 ** 31 - 1;
const eventsQuery = z.object({
  ...pageQuery,
  cursor: z.coerce.number().pipe(z.int().min(0).max(seqMax)).optional(),
});

/** What happened in a run, and its shape. */
export function runDetailRoutes(app: Router, services: Services): void {
  const { deps } = services;

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/runs/{id}/steps/{stepId}/attempts',
    summary: 'Every attempt of a step and of its compensation',
    request: { params: idParam.extend({ stepId: z.string() }) },
    responses: { 200: { description: 'All of them', ...jsonOf(listOf(attemptView)) } },
  });
  app.get('/v1/runs/:id/steps/:stepId/attempts', async (c) => {
    requireScope(c.get('principal'), 'runs:read');
    const row = await requireRun(services, c);
    const stepId = c.req.param('stepId');
    const { state, info } = await services.views.get(row);
    const index = state.plan.indexById.get(stepId);
    if (index === undefined) throw new Problem('not_found', `no step "${stepId}" in this run`);
    const stored = await readEvents(deps.database, row.uuid, 0);
    const events = stored.map(({ event }) => event);
    const data = attemptsOf(events, state.plan, { index, runId: info.id });
    return c.json({ data, nextCursor: null });
  });

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/runs/{id}/events',
    summary: 'The journal of a run, oldest first; `cursor` is the seq after which to go on',
    request: { params: idParam, query: eventsQuery },
    responses: { 200: { description: 'A page', ...jsonOf(listOf(eventView)) } },
  });
  app.get('/v1/runs/:id/events', async (c) => {
    requireScope(c.get('principal'), 'runs:read');
    const { limit, cursor = 0 } = parseWith(eventsQuery, c.req.query());
    const row = await requireRun(services, c);
    const stored = await readEvents(deps.database, row.uuid, cursor);
    const shown = stored.slice(0, limit);
    const next = stored.length > limit ? JSON.stringify(String(shown.at(-1)!.seq)) : 'null';
    const text = `{"data":[${shown.map(eventText).join(',')}],"nextCursor":${next}}`;
    return c.body(text, 200, { 'content-type': 'application/json' });
  });

  documented(app, {
    ...tag,
    method: 'get',
    path: '/v1/runs/{id}/graph',
    summary: 'The steps of a run as nodes with their states, and the dependencies between them',
    request: { params: idParam },
    responses: { 200: { description: 'The graph', ...jsonOf(graphView) } },
  });
  app.get('/v1/runs/:id/graph', async (c) => {
    requireScope(c.get('principal'), 'runs:read');
    const { state } = await services.views.get(await requireRun(services, c));
    return c.json(graphOf(state));
  });
}
