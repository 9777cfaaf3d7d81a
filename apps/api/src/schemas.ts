import { z } from '@hono/zod-openapi';
import { definitionSchema, metadataSchema, settingText, tagsSchema, timeFields } from '@waybill/protocol';
import { versionNumber } from './params.ts';

const jsonObject = z.record(z.string(), z.unknown());
const time = z.iso.datetime();

/** The seed's `create`: a definition and a context. */
export const createBody = definitionSchema
  .extend({ context: jsonObject.optional() })
  .openapi('CreateWorkflow');

/** The path has the key already. */
export const putBody = definitionSchema.partial({ id: true }).openapi('PutWorkflow');

export const startBody = z
  .strictObject({
    // Judged by `readContext`, and taken as text: parsing it here would only copy it.
    context: z.unknown().optional().openapi({ type: 'object' }),
    version: versionNumber.optional(),
    tags: tagsSchema.optional(),
    metadata: metadataSchema.optional(),
    ...timeFields,
  })
  .openapi('StartRun');

/** How many runs one request may start. */
export const batchRunsMax = 1000;

export const batchBody = z
  .strictObject({
    version: versionNumber.optional(),
    runs: z.array(startBody.omit({ version: true })).min(1, 'must have at least one run'),
  })
  .openapi('StartRuns');

export const cancelBody = z
  .strictObject({
    compensate: z.boolean().optional(),
    reason: z.string().max(1000).optional(),
  })
  .openapi('CancelRun');

export const emptyBody = z.strictObject({}).openapi('NoInput');

export const skipStepBody = z
  .strictObject({ note: settingText({ min: 0, max: 1000 }).optional() })
  .openapi('SkipStep');

export const completeStepBody = z
  .strictObject({ result: z.unknown().optional(), note: settingText({ min: 0, max: 1000 }).optional() })
  .openapi('CompleteStep');

export const callbackBody = z
  .looseObject({
    success: z.boolean().optional(),
    result: z.unknown().optional(),
    error: z.unknown().optional(),
    retryable: z.boolean().optional(),
  })
  .openapi('Callback');

export const addStepsBody = z
  .strictObject({
    // Judged by `parseAddedSteps`, which needs the run.
    steps: z
      .array(z.unknown())
      .min(1)
      .openapi({ items: { type: 'object' } }),
  })
  .openapi('AddSteps');

export const signalBody = z.strictObject({ payload: z.unknown().optional() }).openapi('Signal');

export const approvalBody = z
  .looseObject({ approved: z.boolean().optional() })
  .openapi('Approval', { description: 'The payload of the signal; `{"approved": true}` when empty' });

export const approvalLink = z.object({ url: z.string(), expiresAt: time.nullable() }).openapi('ApprovalLink');

export const rerunBody = z
  .strictObject({
    fromStep: z.string().optional(),
    // Judged by `readContext`, as for a start.
    context: z.unknown().optional().openapi({ type: 'object' }),
    version: versionNumber.optional(),
  })
  .openapi('RerunRun');

export const heartbeatBody = z
  .strictObject({
    progress: z.number().min(0).max(100).optional(),
    note: z.string().max(1000).optional(),
  })
  .openapi('Heartbeat');

export const workflowView = z
  .object({
    key: z.string(),
    latestVersion: z.int(),
    versions: z.int(),
    createdAt: time,
    updatedAt: time,
  })
  .openapi('Workflow');

export const versionView = z
  .object({ key: z.string(), version: z.int(), createdAt: time.optional(), definition: jsonObject })
  .openapi('WorkflowVersion');

/** What a definition may say and is likely to regret. */
const warnings = z.array(z.object({ path: z.string(), message: z.string() }));
export const putView = versionView.extend({ warnings }).openapi('PutWorkflow');
export const validView = z.object({ valid: z.literal(true), warnings });

const runState = z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']);
const errorFields = {
  code: z.string(),
  message: z.string(),
  status: z.int().optional(),
  outcome: z.enum(['unknown']).optional(),
  details: z.unknown().optional(),
};
// Nullable before it is named: a named schema made nullable afterwards is documented without null.
const error = z.object(errorFields).nullable().openapi('StepError');
const runError = z
  .object({ ...errorFields, stepId: z.string().optional() })
  .nullable()
  .openapi('RunError');
const deliveryState = z.enum(['pending', 'running', 'completed', 'failed']);

const stepView = z
  .object({
    id: z.string(),
    state: z.enum(['pending', 'waiting', 'running', 'completed', 'failed', 'skipped', 'cancelled']),
    phase: z.enum(['open', 'backoff', 'callback', 'child', 'instances', 'sleeping', 'signal']).nullable(),
    reason: z.string().nullable(),
    startedAt: time.nullable(),
    completedAt: time.nullable(),
    attempts: z.int(),
    result: z.unknown(),
    error,
    // An enum, not a literal: the document's enum of a nullable literal leaves null out.
    progress: z.object({ percent: z.number().nullable(), note: z.string().nullable(), at: time }).nullable(),
    outcome: z.enum(['unknown']).nullable(),
    dependsOn: z.array(z.string()),
    parallel: z.boolean(),
    timeout: z.number(),
    url: z.string().nullable(),
    sleep: z.number().optional(),
    waitFor: z
      .object({ signal: z.string(), timeout: z.number().optional(), default: z.unknown() })
      .optional(),
    workflow: z.string().optional(),
    childRunId: z.string().nullable().optional(),
    instances: z.int().optional(),
    index: z.int().optional(),
    item: z.unknown().optional(),
  })
  .openapi('Step');

export const runStatus = z
  .object({
    id: z.string(),
    workflowId: z.string(),
    version: z.int(),
    state: runState,
    phase: z.enum(['running', 'waiting', 'paused', 'draining', 'compensating', 'hooks', 'done']),
    createdAt: time,
    startAt: time.nullable(),
    startedAt: time.nullable(),
    completedAt: time.nullable(),
    timeout: z.number(),
    currentStep: z.string().nullable(),
    currentSteps: z.array(z.string()),
    completedSteps: z.array(z.string()),
    failedSteps: z.array(z.string()),
    skippedSteps: z.array(z.string()),
    context: jsonObject,
    results: jsonObject,
    error: runError,
    compensation: z.array(z.object({ stepId: z.string(), state: deliveryState, attempts: z.int(), error })),
    hooks: z.array(
      z.object({ kind: z.string(), url: z.string(), state: deliveryState, attempts: z.int(), error }),
    ),
    tags: z.array(z.string()),
    metadata: metadataSchema,
    parentRunId: z.string().nullable(),
    rerunOf: z.string().nullable(),
    steps: z.array(stepView),
  })
  .openapi('RunStatus');

export const runSummary = z
  .object({
    id: z.string(),
    workflowId: z.string(),
    version: z.int(),
    state: runState,
    createdAt: time,
    startedAt: time.nullable(),
    completedAt: time.nullable(),
    tags: z.array(z.string()),
    metadata: metadataSchema,
  })
  .openapi('RunSummary');

export const batchView = z.object({ data: z.array(runSummary) });

export const attemptView = z
  .object({
    delivery: z.enum(['step', 'compensation']),
    attempt: z.int(),
    state: z.enum(['open', 'completed', 'failed', 'lost', 'aborted']),
    startedAt: time,
    endedAt: time.nullable(),
    durationMs: z.number().nullable(),
    status: z.int().nullable(),
    error,
    retryAt: time.nullable(),
    request: z.object({
      url: z.string().nullable(),
      webhookId: z.string().nullable(),
      body: z.string().nullable(),
    }),
    childRunId: z.string().optional(),
    answer: z.string().nullable(),
  })
  .openapi('Attempt');

export const eventView = z
  .object({
    seq: z.int(),
    type: z.string(),
    at: time,
    stepId: z.string().optional(),
    delivery: z.enum(['step', 'compensation', 'hook']).optional(),
    attempt: z.int().optional(),
    startedAt: time.optional(),
    status: z.int().optional(),
    error: runError.optional(),
    retryAt: time.optional(),
    until: time.optional(),
    answer: z.string().optional(),
    result: z.unknown().optional(),
    compensate: z.boolean().optional(),
    reason: z.string().optional(),
    commandId: z.string().optional(),
    code: z.string().optional(),
    detail: z.string().optional(),
  })
  .catchall(z.unknown())
  .openapi('Event');

export const graphView = z
  .object({
    nodes: z.array(
      stepView
        .pick({
          id: true,
          state: true,
          reason: true,
          parallel: true,
          attempts: true,
          startedAt: true,
          completedAt: true,
        })
        .extend({ instanceOf: z.string().optional() }),
    ),
    edges: z.array(z.object({ from: z.string(), to: z.string() })),
  })
  .openapi('Graph');

export const commandAccepted = z.object({ commandId: z.string() }).openapi('CommandAccepted');

/** What a request is above. */
const limit = z.object({ name: z.string(), value: z.number() }).openapi('Limit');

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string(),
    limit: limit.optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string(), limit: limit.optional() })).optional(),
    requestId: z.string(),
  })
  .openapi('Problem');

export function listOf<S extends z.ZodType>(item: S) {
  return z.object({ data: z.array(item), nextCursor: z.string().nullable() });
}
