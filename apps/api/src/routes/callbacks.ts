import { z } from '@hono/zod-openapi';
import { classifyAnswer, Problem, parseStepsFor, uuidOfId } from '@waybill/protocol';
import type { CallbackClaims } from '@waybill/signing';
import { findProject, findRun, type RunRow } from '@waybill/store';
import type { Context } from 'hono';
import { parseWith, readJson } from '../body.ts';
import { sendCommand } from '../command.ts';
import type { ApiEnv } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { type Idempotency, idempotencyHeader, idempotencyOfToken } from '../idempotency.ts';
import { callbackBody, commandAccepted, heartbeatBody } from '../schemas.ts';
import type { Router, Services } from '../services.ts';

const tag = { tags: ['Callbacks'], security: [] };
const tokenParam = z.object({ token: z.string() });
const accepted = z.object({ accepted: z.literal(true) });
const responses = {
  200: { description: 'Taken, now or by an earlier request', ...jsonOf(accepted) },
  202: { description: 'Stored; the owner of the run has not taken it yet', ...jsonOf(commandAccepted) },
};

/** Answers that come later. There is no API key: the token is the right. */
export function callbackRoutes(app: Router, services: Services): void {
  const { limits, now } = services.deps;

  documented(app, {
    ...tag,
    method: 'post',
    path: '/v1/callbacks/{token}',
    summary: 'End the step that was answered 202 pending',
    request: { params: tokenParam, headers: idempotencyHeader, body: jsonOf(callbackBody) },
    responses,
  });
  app.post('/v1/callbacks/:token', async (c) => {
    const { row, claims } = await requireToken(services, c);
    const { text, value } = await readJson(c);
    parseWith(callbackBody, value);
    // Nothing said is a success without a result; an answer over HTTP would have had a body that is `{}`.
    const body = Object.keys(value as object).length === 0 ? '' : text;
    const answer = { status: 200, headers: {}, body };
    const { resultBytesMax } = limits;
    const project = await findProject(services.deps.database, row.projectUuid);
    const checks = services.versions.checksFor({ baseUrl: project?.baseUrl ?? null });
    const { state } = await services.views.get(row);
    const parseSteps = (input: unknown) => parseStepsFor(state, input, checks, { answering: claims.step });
    const outcome = classifyAnswer(answer, { retries: {}, resultBytesMax, nowMs: now(), parseSteps });
    const idempotency = idempotencyOfToken(c, text, row);
    return answerOf(c, await send(services, row, { claims, outcome, idempotency }));
  });

  documented(app, {
    ...tag,
    method: 'post',
    path: '/v1/callbacks/{token}/heartbeat',
    summary: "Still at work: the step's timeout starts again",
    request: { params: tokenParam, headers: idempotencyHeader, body: jsonOf(heartbeatBody) },
    responses,
  });
  app.post('/v1/callbacks/:token/heartbeat', async (c) => {
    const { row, claims } = await requireToken(services, c);
    const { text, value } = await readJson(c);
    const outcome = { kind: 'heartbeat', ...parseWith(heartbeatBody, value) };
    const idempotency = idempotencyOfToken(c, text, row);
    return answerOf(c, await send(services, row, { claims, outcome, idempotency }));
  });
}

/** @throws Problem `callback_expired`, or `not_found` for what is no token of ours. */
async function requireToken(
  { deps }: Services,
  c: Context<ApiEnv>,
): Promise<{ row: RunRow; claims: CallbackClaims }> {
  const claims = await deps.callbackTokens.read(c.req.param('token') ?? '', deps.now());
  if (claims === 'expired') throw new Problem('callback_expired', 'the time for this callback is over');
  const uuid = claims && uuidOfId('run', claims.run);
  const row = uuid && (await findRun(deps.database, uuid));
  if (!claims || !row) throw new Problem('not_found', 'no such callback');
  return { row, claims };
}

interface Sent {
  readonly claims: CallbackClaims;
  readonly outcome: { readonly kind: string };
  readonly idempotency: Idempotency | null;
}

/** Null when it was taken, else the id of a command still to be answered. */
async function send(
  services: Services,
  row: RunRow,
  { claims, outcome, idempotency }: Sent,
): Promise<string | null> {
  const { step, round, attempt } = claims;
  const command = { type: 'callback', step, round, attempt, outcome };
  try {
    const sent = await sendCommand(services, row, command, idempotency);
    return sent.outcome === null ? sent.commandId : null;
  } catch (error) {
    // The same callback again, and the run has moved on since: it is answered as the first was.
    const isReused = error instanceof Problem && error.code === 'idempotency_key_reused';
    if (error instanceof Problem && !isReused && (await wasTaken(services, row, claims, outcome.kind)))
      return null;
    throw error;
  }
}

async function wasTaken(
  { views }: Services,
  row: RunRow,
  { step, round, attempt }: CallbackClaims,
  kind: string,
): Promise<boolean> {
  const { state } = await views.get(row);
  const index = state.plan.indexById.get(step);
  const delivery = index === undefined ? null : state.steps[index]!.delivery;
  if (delivery?.callback !== attempt || delivery.round !== round) return false;
  return kind === (delivery.state === 'completed' ? 'success' : 'failure');
}

function answerOf(c: Context<ApiEnv>, openCommand: string | null): Response {
  return openCommand === null ? c.json({ accepted: true }) : c.json({ commandId: openCommand }, 202);
}
