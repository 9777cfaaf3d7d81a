import { z } from '@hono/zod-openapi';
import { Problem } from '@waybill/protocol';
import { readEvents } from '@waybill/store';
import { attemptsOf } from '../attempts.ts';
import { requireScope } from '../auth.ts';
import { documented, jsonOf } from '../documented.ts';
import { graphOf } from '../graph.ts';
import { idParam } from '../params.ts';
import { requireRun } from '../require-run.ts';
import { attemptView, graphView, listOf } from '../schemas.ts';
import type { Router, Services } from '../services.ts';

const tag = { tags: ['Runs'] };
/** The attempts of a run's steps, and its shape. */
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
    if (!state.plan.indexById.has(stepId)) throw new Problem('not_found', `no step "${stepId}" in this run`);
    const stored = await readEvents(deps.database, row.uuid, 0);
    // Not that of the state, to which the run may have added steps.
    const plan = await deps.plans.get(deps.database, row.projectUuid, row.workflowKey, row.version);
    const events = stored.map(({ event }) => event);
    const { deliveryBytesMax } = deps.limits;
    const data = attemptsOf(events, plan!, { step: stepId, info, deliveryBytesMax });
    return c.json({ data, nextCursor: null });
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
