import { z } from '@hono/zod-openapi';
import type { HookName, RunState, StepDefinition } from '@waybill/engine';
import { type DefinitionChecks, memberText, Problem, parseStepsFor, stepIdSchema } from '@waybill/protocol';
import type { RunRow } from '@waybill/store';
import type { Context } from 'hono';
import { requireScope } from '../auth.ts';
import { faultsOf, type JsonBody, parseWith, readJson } from '../body.ts';
import { type Posted, sendCommand } from '../command.ts';
import type { ApiEnv } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { resultFaults } from '../faults.ts';
import { idempotencyHeader, idempotencyOf } from '../idempotency.ts';
import { requireRun } from '../require-run.ts';
import {
  addStepsBody,
  cancelBody,
  commandAccepted,
  completeStepBody,
  emptyBody,
  runStatus,
  signalBody,
  skipStepBody,
} from '../schemas.ts';
import type { Router, Services } from '../services.ts';
import { statusResponse } from '../status-response.ts';

interface RunCommand {
  /** Below `/v1/runs/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly body: z.ZodType;
  /** The member of the body that is to be the result of a step; null when absent. */
  readonly gives?: 'result' | 'payload';
  /** What is left in the inbox. */
  readonly command: (input: Record<string, unknown>, request: CommandRequest) => Posted;
}

interface CommandRequest {
  /** JSON text, as it came. */
  readonly given: string;
  /** Of the path. */
  readonly step: string;
  readonly name: string;
  readonly kind: HookName | undefined;
  readonly state: RunState;
  readonly checks: DefinitionChecks;
}

const hookName = z.enum(['onComplete', 'onError']);

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
    command: (input, { step }) => ({ type: 'skipStep', step, ...input }),
  },
  {
    path: '/steps/{stepId}/complete',
    summary: 'End a step by hand with a result',
    body: completeStepBody,
    gives: 'result',
    command: ({ note }, { step, given }) => ({ type: 'completeStep', step, note, result: given }),
  },
  {
    path: '/retry',
    summary: 'Send the failed steps of a failed run again, and what hangs from them',
    body: emptyBody,
    command: () => ({ type: 'retry' }),
  },
  {
    path: '/hooks/{kind}/resend',
    summary: 'Send a hook of a run again that nobody has accepted, the newest, with the same webhook-id',
    body: emptyBody,
    command: (_input, { kind }) => ({ type: 'resendHook', hook: kind }),
  },
  {
    path: '/steps',
    summary: 'Add steps to a run that has not ended; the same ones again change nothing',
    body: addStepsBody,
    command: ({ steps }, request) => ({ type: 'addSteps', steps: requireSteps(steps, request) }),
  },
  {
    path: '/signals/{name}',
    summary: 'Give a signal: it ends the oldest wait for it, or is kept for one to come',
    body: signalBody,
    gives: 'payload',
    command: (_input, { name, given }) => ({ type: 'signal', name, payload: given }),
  },
];

/** Commands from outside: each answers with its outcome, or 202 when its owner is slow. */
export function runCommandRoutes(app: Router, services: Services): void {
  for (const { path, summary, body, gives, command } of commands) {
    const names = {
      id: z.string(),
      ...(path.includes('{stepId}') ? { stepId: z.string() } : {}),
      ...(path.includes('{name}') ? { name: stepIdSchema } : {}),
      ...(path.includes('{kind}') ? { kind: hookName } : {}),
    };
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
    app.post(`/v1/runs/:id${path.replaceAll(/\{(\w+)\}/g, ':$1')}`, async (c) => {
      requireScope(c.get('principal'), 'runs:write');
      const row = await requireRun(services, c);
      const json = await readJson(c);
      const given = (gives && memberText(json.text, gives)) ?? 'null';
      const faults = [
        ...faultsOf(pathParams, c.req.param()),
        ...(gives ? resultFaults(given, gives, services.deps.limits) : []),
      ];
      const input = parseWith(body, json.value, faults) as Record<string, unknown>;
      return send(services, c, { row, body: json, given }, (request) => command(input, request));
    });
  }
}

const pathParams = z.object({ name: stepIdSchema.optional(), kind: hookName.optional() });

async function send(
  services: Services,
  c: Context<ApiEnv>,
  { row, body, given }: { readonly row: RunRow; readonly body: JsonBody; readonly given: string },
  commandFor: (request: CommandRequest) => Posted,
): Promise<Response> {
  const step = c.req.param('stepId');
  const { state } = await services.views.get(row);
  if (step !== undefined && !state.plan.indexById.has(step)) {
    throw new Problem('not_found', `no step "${step}" in this run`);
  }
  // With the run: a workflow key in the path may mean another run by the time of the repeat.
  const idempotency = idempotencyOf(c, `${row.uuid}\n${body.text}`);
  const { name, kind } = parseWith(pathParams, c.req.param());
  const checks = services.versions.checksFor(c.get('principal'));
  const command = commandFor({ given, step: step ?? '', name: name ?? '', kind, state, checks });
  const { commandId, outcome } = await sendCommand(services, row, command, idempotency);
  if (outcome === null) return c.json({ commandId }, 202);
  return statusResponse(c, await services.views.get(row));
}

/** @throws Problem `invalid_steps` with the path of every fault. */
function requireSteps(input: unknown, { state, checks }: CommandRequest): readonly StepDefinition[] {
  const added = parseStepsFor(state, input, checks, { root: 'steps' });
  if ('steps' in added) return added.steps;
  const errors = added.faults;
  throw new Problem('invalid_steps', `the steps have ${errors.length} fault(s)`, { errors });
}
