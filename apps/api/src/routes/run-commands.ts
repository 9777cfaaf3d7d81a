import { z } from '@hono/zod-openapi';
import { memberText, Problem } from '@waybill/protocol';
import type { Context } from 'hono';
import { requireScope } from '../auth.ts';
import { type JsonBody, parseWith, readJson } from '../body.ts';
import { sendCommand } from '../command.ts';
import type { ApiEnv } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { idempotencyHeader, idempotencyOf } from '../idempotency.ts';
import { requireRun } from '../require-run.ts';
import {
  cancelBody,
  commandAccepted,
  completeStepBody,
  emptyBody,
  runStatus,
  skipStepBody,
} from '../schemas.ts';
import type { Router, Services } from '../services.ts';
import { statusResponse } from '../status-response.ts';

interface RunCommand {
  /** Below `/v1/runs/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly body: z.ZodType;
  /** What is left in the inbox. */
  readonly command: (input: Record<string, unknown>, body: JsonBody, step: string) => object;
}

const commands: readonly RunCommand[] = [
  {
    path: '/cancel',
    summary: 'Cancel a run; a saga is compensated unless `compensate` is false',
    body: cancelBody,
    command: (input) => ({ type: 'cancel', ...input }),
  },
  {
    path: '/pause',
    summary: 'Send nothing new; what is open finishes, and clocks run on',
    body: emptyBody,
    command: () => ({ type: 'pause' }),
  },
  {
    path: '/resume',
    summary: 'Go on after a pause',
    body: emptyBody,
    command: () => ({ type: 'resume' }),
  },
  {
    path: '/steps/{stepId}/skip',
    summary: 'End a step by hand; its dependents see a skip',
    body: skipStepBody,
    command: (input, _body, step) => ({ type: 'skipStep', step, ...input }),
  },
  {
    path: '/steps/{stepId}/complete',
    summary: 'End a step by hand with a result',
    body: completeStepBody,
    command: ({ note }, { text }, step) => {
      const result = memberText(text, 'result') ?? 'null';
      return { type: 'completeStep', step, note, result };
    },
  },
];

/** Commands from outside: each answers with its outcome, or 202 when its owner is slow. */
export function runCommandRoutes(app: Router, services: Services): void {
  for (const { path, summary, body, command } of commands) {
    const names = path.includes('{stepId}') ? { id: z.string(), stepId: z.string() } : { id: z.string() };
    documented(app, {
      tags: ['Runs'],
      method: 'post',
      path: `/v1/runs/{id}${path}`,
      summary,
      request: { params: z.object(names), headers: idempotencyHeader, body: jsonOf(body) },
      responses: {
        200: { description: 'Applied; the status', ...jsonOf(runStatus) },
        202: { description: 'Accepted, not yet applied', ...jsonOf(commandAccepted) },
      },
    });
    app.post(`/v1/runs/:id${path.replace('{stepId}', ':stepId')}`, async (c) => {
      requireScope(c.get('principal'), 'runs:write');
      const json = await readJson(c);
      const input = parseWith(body, json.value) as Record<string, unknown>;
      return send(services, c, json, (step) => command(input, json, step));
    });
  }
}

async function send(
  services: Services,
  c: Context<ApiEnv>,
  { text }: JsonBody,
  commandFor: (step: string) => object,
): Promise<Response> {
  const row = await requireRun(services, c);
  const step = c.req.param('stepId');
  const { state } = await services.views.get(row);
  if (step !== undefined && !state.plan.indexById.has(step)) {
    throw new Problem('not_found', `no step "${step}" in this run`);
  }
  // With the run: a workflow key in the path may mean another run by the time of the repeat.
  const idempotency = idempotencyOf(c, `${row.uuid}\n${text}`);
  const { commandId, outcome } = await sendCommand(services, row, commandFor(step ?? ''), idempotency);
  if (outcome === null) return c.json({ commandId }, 202);
  return statusResponse(c, await services.views.get(row));
}
