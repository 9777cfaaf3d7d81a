import { z } from '@hono/zod-openapi';
import { durationSchema } from '../duration.ts';
import { expressionSchema, metadataSchema, stepIdSchema, urlSchema, workflowKeySchema } from './texts.ts';

/** What can be counted and dated at all; what a platform allows is less, and judged by `findLimitFaults`. */
const hundredYears = 100 * 365 * 86_400;
const listMax = 100_000;
export const positiveDuration = durationSchema({ min: 0.001, max: hundredYears });
const delayDuration = durationSchema({ min: 0, max: hundredYears });

const retriesSchema = z.strictObject({
  maxAttempts: z.int().min(1).optional(),
  backoff: z.enum(['exponential', 'linear', 'fixed']).optional(),
  initialDelay: delayDuration.optional(),
  maxDelay: delayDuration.optional(),
  factor: z.number().min(1).max(100).optional(),
  delays: z.array(delayDuration).min(1).max(100).optional(),
  jitter: z.boolean().optional(),
  retryOn: z.array(z.int().min(300).max(599)).max(100).optional(),
  giveUpAfter: positiveDuration.optional(),
});

export const failurePolicySchema = z.enum(['fail', 'continue', 'retry']);

const runConditionSchema = z.enum([
  'onSuccess',
  'always',
  'onFailure',
  'onCancelled',
  'onFailureOrCancelled',
  'onAnyCompleted',
  'inProgress',
]);

const joinSchema = z.union([
  z.literal('any'),
  z.literal('all'),
  z.strictObject({ atLeast: z.int().min(1).max(listMax) }),
]);

const waitForSchema = z.union(
  [
    stepIdSchema,
    z.strictObject({
      signal: stepIdSchema,
      timeout: positiveDuration.optional(),
      default: z.unknown().optional(),
    }),
  ],
  { error: 'must be the name of a signal, or an object of signal, timeout (0.001 s or more) and default' },
);

export const concurrencySchema = z.int().min(1).max(10_000);

const toleratedRule = 'must be a count of 0 to 100,000, or a share from "0%" to "100%"';

const toleratedFailuresSchema = z.union(
  [
    z.int().min(0, toleratedRule).max(listMax, toleratedRule),
    z.string().regex(/^(100|\d{1,2})%$/, toleratedRule),
  ],
  { error: toleratedRule },
);

const inputRule = 'must be "dependencies", "none" or a list of one or more step ids';

const inputSchema = z.union(
  [z.enum(['dependencies', 'none'], inputRule), z.array(stepIdSchema).min(1, inputRule).max(listMax)],
  { error: inputRule },
);

/** When a step, or a run, is to start at the earliest. */
export const timeFields = {
  delay: delayDuration.optional(),
  runAt: z.iso
    .datetime({ offset: true, error: 'must be an ISO 8601 time such as "2030-01-31T09:00:00Z"' })
    .optional(),
};

/** What a step may set, and `defaults` for all of them: everything but what one step is. */
export const stepSettings = {
  compensation: urlSchema.optional(),
  runCondition: runConditionSchema.optional(),
  runAfterFailure: z.boolean().optional(),
  allowPartialDependencies: z.boolean().optional(),
  join: joinSchema.optional(),
  when: expressionSchema.optional(),
  forEach: expressionSchema.optional(),
  maxConcurrency: concurrencySchema.optional(),
  toleratedFailures: toleratedFailuresSchema.optional(),
  ...timeFields,
  delivery: z.enum(['at-most-once', 'at-least-once']).optional(),
  input: inputSchema.optional(),
  slowAfter: positiveDuration.optional(),
  parallel: z.boolean().optional(),
  retries: retriesSchema.optional(),
  timeout: positiveDuration.optional(),
  failurePolicy: failurePolicySchema.optional(),
  continueOnFailure: z.boolean().optional(),
  headers: z.record(z.string(), z.string().max(8192)).optional(),
  payload: z.unknown().optional(),
  metadata: metadataSchema.optional(),
};

/** That a step has one of `url`, `sleep`, `waitFor` and `workflow` is judged by `findKindFaults`. */
export const stepSchema = z.strictObject({
  id: stepIdSchema,
  url: urlSchema.optional(),
  sleep: positiveDuration.optional(),
  waitFor: waitForSchema.optional(),
  workflow: workflowKeySchema.optional(),
  dependsOn: z.union([z.string(), z.array(z.string())]).optional(),
  ...stepSettings,
});

export type ParsedStep = z.output<typeof stepSchema>;
export type Retries = z.output<typeof retriesSchema>;
