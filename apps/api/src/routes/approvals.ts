import { z } from '@hono/zod-openapi';
import { hasEnded, isTerminal } from '@waybill/engine';
import { isoTime, Problem, uuidOfId } from '@waybill/protocol';
import { findRun, type RunRow } from '@waybill/store';
import type { Context } from 'hono';
import { type ApprovalView, approvalHeaders, approvalPage } from '../approval-page.ts';
import { requireScope } from '../auth.ts';
import { parseWith, readJson } from '../body.ts';
import { type SentCommand, sendCommand } from '../command.ts';
import type { ApiEnv } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { refuseFaults, resultFaults } from '../faults.ts';
import { type Idempotency, idempotencyHeader, idempotencyOfToken } from '../idempotency.ts';
import { idParam } from '../params.ts';
import { requireRun } from '../require-run.ts';
import { approvalBody, approvalLink, commandAccepted, problem } from '../schemas.ts';
import type { Router, Services } from '../services.ts';

const tag = { tags: ['Approvals'] };
const tokenParam = z.object({ token: z.string() });
const accepted = z.object({ accepted: z.literal(true) });
const page = { 'text/html': { schema: z.string() } };

/** A form is answered with a page, JSON with a problem. */
function orPage(description: string) {
  return { description, content: { 'application/problem+json': { schema: problem }, ...page } };
}

/** Signed links that give one wait of a run its signal. There is no API key: the token is the right. */
export function approvalRoutes(app: Router, services: Services): void {
  documented(app, {
    ...tag,
    security: [],
    method: 'get',
    path: '/v1/approvals/{token}',
    summary: 'A page that asks a person for the decision',
    request: { params: tokenParam },
    responses: {
      200: { description: 'The page', content: page },
      404: { description: 'No such decision', content: page },
      410: { description: 'Its time is over', content: page },
    },
  });
  app.get('/v1/approvals/:token', async (c) => {
    return forPerson(c, async () => {
      const { row, step } = await requireToken(services, c);
      return pageResponse(c, await viewOf(services, row, step));
    });
  });

  documented(app, {
    ...tag,
    security: [],
    method: 'post',
    path: '/v1/approvals/{token}',
    summary: 'Give the decision: the body is the payload of the signal',
    request: {
      params: tokenParam,
      headers: idempotencyHeader,
      body: {
        content: {
          ...jsonOf(approvalBody).content,
          'application/x-www-form-urlencoded': { schema: formFields },
        },
      },
    },
    responses: {
      200: {
        description: 'Taken; a form is answered with a page',
        content: { ...jsonOf(accepted).content, ...page },
      },
      202: { description: 'Stored; the owner of the run has not taken it yet', ...jsonOf(commandAccepted) },
      404: orPage('No such decision'),
      409: orPage('It has been decided, or the run has ended'),
      410: orPage('Its time is over'),
    },
  });
  app.post('/v1/approvals/:token', async (c) => {
    const isForm = c.req.header('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
    if (isForm) return forPerson(c, () => decideByForm(services, c));
    const { row, step } = await requireToken(services, c);
    const payload = await jsonPayload(c);
    const sent = await signal(services, row, {
      step,
      payload,
      idempotency: idempotencyOfToken(c, payload, row),
    });
    return sent.outcome ? c.json({ accepted: true }) : c.json({ commandId: sent.commandId }, 202);
  });
}

async function decideByForm(services: Services, c: Context<ApiEnv>): Promise<Response> {
  const { row, step } = await requireToken(services, c);
  const payload = await formPayload(c);
  try {
    await signal(services, row, { step, payload, idempotency: null });
  } catch (error) {
    // Somebody was faster, or pressed twice: the page says what has become of it.
    if (!(error instanceof Problem) || error.status !== 409) throw error;
    return pageResponse(c, await viewOf(services, row, step), 409);
  }
  const { workflowId: workflow } = (await services.views.get(row)).info;
  return pageResponse(c, { workflow, step, outcome: 'Thank you: your decision was recorded.' });
}

interface Decision {
  readonly step: string;
  /** JSON text. */
  readonly payload: string;
  readonly idempotency: Idempotency | null;
}

async function signal(
  services: Services,
  row: RunRow,
  { step, payload, idempotency }: Decision,
): Promise<SentCommand> {
  refuseFaults(resultFaults(payload, 'payload', services.deps.limits));
  const { state } = await services.views.get(row);
  const name = state.plan.steps[state.plan.indexById.get(step)!]!.definition.waitFor!.signal;
  return sendCommand(services, row, { type: 'signal', name, step, payload }, idempotency);
}

/** A person is shown a page, also for a link that is none any more. */
async function forPerson(c: Context<ApiEnv>, answer: () => Promise<Response>): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    const isOver = error instanceof Problem && (error.status === 404 || error.status === 410);
    if (!isOver) throw error;
    const outcome =
      error.status === 410 ? 'The time for this decision is over.' : 'There is no such decision.';
    return pageResponse(c, { workflow: null, step: 'Approval', outcome }, error.status);
  }
}

/** For those who have a key: a link to hand to a person. */
export function approvalLinkRoutes(app: Router, services: Services): void {
  documented(app, {
    ...tag,
    method: 'post',
    path: '/v1/runs/{id}/steps/{stepId}/approval',
    summary: 'A link that gives the signal this step waits for, valid as long as the run',
    request: { params: idParam.extend({ stepId: z.string() }) },
    responses: { 200: { description: 'The link', ...jsonOf(approvalLink) } },
  });
  app.post('/v1/runs/:id/steps/:stepId/approval', async (c) => {
    requireScope(c.get('principal'), 'runs:write');
    const row = await requireRun(services, c);
    const { state, info } = await services.views.get(row);
    const step = c.req.param('stepId');
    const index = state.plan.indexById.get(step);
    if (index === undefined) throw new Problem('not_found', `no step "${step}" in this run`);
    if (state.plan.steps[index]!.kind !== 'wait') {
      throw new Problem('unknown_step', `step "${step}" waits for no signal`);
    }
    if (hasEnded(state.steps[index]!)) {
      throw new Problem('step_ended', `step "${step}" is already ${state.steps[index]!.state}`);
    }
    const { approvalTokens, publicUrl } = services.deps;
    const expiresAtMs = (state.clockFrom ?? state.createdAt) + state.plan.timeoutMs;
    const token = approvalTokens.mint({ run: info.id, step }, Math.ceil(expiresAtMs / 1000));
    const origin = publicUrl ?? new URL(c.req.url).origin;
    return c.json({ url: `${origin}/v1/approvals/${token}`, expiresAt: isoTime(expiresAtMs) });
  });
}

/** @throws Problem `callback_expired`, or `not_found` for what is no token of ours. */
async function requireToken({ deps, views }: Services, c: Context<ApiEnv>) {
  const claims = await deps.approvalTokens.read(c.req.param('token') ?? '', deps.now());
  if (claims === 'expired') throw new Problem('callback_expired', 'the time for this decision is over');
  const uuid = claims && uuidOfId('run', claims.run);
  const row = uuid && (await findRun(deps.database, uuid));
  if (!claims || !row) throw new Problem('not_found', 'no such approval');
  const { state } = await views.get(row);
  const index = state.plan.indexById.get(claims.step);
  if (index === undefined || state.plan.steps[index]!.kind !== 'wait') {
    throw new Problem('not_found', 'no such approval');
  }
  return { row, step: claims.step };
}

async function viewOf({ views }: Services, row: RunRow, stepId: string): Promise<ApprovalView> {
  const { state, info } = await views.get(row);
  const step = state.steps[state.plan.indexById.get(stepId)!]!;
  const isOver = hasEnded(step) || isTerminal(state.state);
  const outcome = isOver ? `Nothing is left to decide: this step is ${step.state}.` : null;
  return { workflow: info.workflowId, step: stepId, outcome };
}

function pageResponse(
  c: Context<ApiEnv>,
  view: ApprovalView,
  status: 200 | 404 | 409 | 410 = 200,
): Response | Promise<Response> {
  return c.html(approvalPage(view), status, {
    ...approvalHeaders,
    'cache-control': 'no-store',
  });
}

const formFields = z.object({
  approved: z.enum(['true', 'false']).transform((text) => text === 'true'),
  comment: z
    .string()
    .max(1000)
    .transform((text) => text || undefined)
    .optional(),
});

async function formPayload(c: Context<ApiEnv>): Promise<string> {
  return JSON.stringify(parseWith(formFields, await c.req.parseBody()));
}

async function jsonPayload(c: Context<ApiEnv>): Promise<string> {
  const { text, value } = await readJson(c);
  parseWith(approvalBody, value);
  return text === '{}' ? '{"approved":true}' : text;
}
