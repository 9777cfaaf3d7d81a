import { copiesOf } from '@waybill/engine';
import { Problem, type ProblemCode } from '@waybill/protocol';
import { requireScope } from '../auth.ts';
import { parseWith, readContext, readJson } from '../body.ts';
import { documented, jsonOf } from '../documented.ts';
import { idempotencyHeader, idempotencyOf } from '../idempotency.ts';
import { idParam } from '../params.ts';
import { requireRun } from '../require-run.ts';
import type { RunView } from '../run-views.ts';
import { rerunBody, runStatus } from '../schemas.ts';
import type { Router, Services } from '../services.ts';

/** A new run that repeats another, from a step on or as a whole. */
export function rerunRoutes(app: Router, services: Services): void {
  const { deps, versions, views, starter, backlog } = services;

  documented(app, {
    tags: ['Runs'],
    method: 'post',
    path: '/v1/runs/{id}/rerun',
    summary: 'Start a new run like this one; with `fromStep`, that step and what hangs from it only',
    request: { params: idParam, headers: idempotencyHeader, body: jsonOf(rerunBody) },
    responses: { 201: { description: 'The new run', ...jsonOf(runStatus) } },
  });
  app.post('/v1/runs/:id/rerun', async (c) => {
    const principal = c.get('principal');
    requireScope(principal, 'runs:write');
    backlog.admit(principal.projectUuid);
    const row = await requireRun(services, c);
    const body = await readJson(c);
    const given = readContext(body, deps.limits);
    const input = parseWith(rerunBody, body.value, given.faults);
    const { fromStep, version: asked } = input;
    const context = input.context === undefined ? row.context : given.context;
    const old = await views.get(row);
    const resolved = await versions.resolve(principal, row.workflowKey, asked ?? row.version);
    const started = await starter.start({
      principal,
      version: async () => resolved,
      context,
      tags: row.tags,
      metadata: row.metadata === null ? {} : (JSON.parse(row.metadata) as Record<string, string>),
      idempotency: idempotencyOf(c, `${row.uuid}\n${body.text}`),
      rerun: {
        of: old.info.id,
        copies: fromStep === undefined ? [] : requireCopies(old, resolved.plan, fromStep),
      },
    });
    return c.body(started.status, 201, {
      'content-type': 'application/json',
      location: `/v1/runs/${started.id}`,
    });
  });
}

/** @throws Problem `run_not_ended`, `unknown_step`, `already_compensated`. */
function requireCopies({ state }: RunView, plan: Parameters<typeof copiesOf>[1], fromStep: string) {
  if (state.completedAt === null) {
    throw new Problem('run_not_ended', `the run is ${state.state}: wait for its end, or cancel it first`);
  }
  const copies = copiesOf(state, plan, fromStep);
  if ('events' in copies) return copies.events;
  throw new Problem(copies.rejection.code as ProblemCode, copies.rejection.message);
}
