import { z } from '@hono/zod-openapi';
import { durationSchema } from './duration.ts';
import { defaultLimits } from './limits.ts';

const year = defaultLimits.delaySecondsMax;
const positiveDuration = durationSchema({ min: 0.001, max: year });
const delayDuration = durationSchema({ min: 0, max: year });

const idPattern = /^[A-Za-z0-9_.-]{1,128}$/;

export const stepIdSchema = z
  .string()
  .regex(idPattern, 'must be 1 to 128 of the characters A–Z a–z 0–9 _ . -')
  .refine((id) => id !== '__proto__', 'must not be "__proto__"');

export const workflowKeySchema = stepIdSchema.refine(
  (key) => !key.startsWith('run_'),
  'must not start with "run_": that is how run ids start',
);

/**
 * `\u0000` and lone surrogates are refused in settings: PostgreSQL's text and jsonb do not take them. They
 * are data only inside contexts and results.
 */
export function settingText(bounds: { min: number; max: number }) {
  const text = z.string().min(bounds.min).max(bounds.max);
  return text.refine(isStorable, 'must not hold U+0000 or lone surrogates');
}

const isStorable = (text: string) => !text.includes('\u0000') && !/\p{Surrogate}/u.test(text);

const metadataKey = settingText({ min: 1, max: 128 });
const metadataValue = settingText({ min: 0, max: 1024 });

/** Not `z.record`, whose parse drops the key `__proto__` in silence. */
export const metadataSchema = z
  .custom<Record<string, string>>()
  .superRefine((value: unknown, context) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      context.addIssue('must be an object of strings');
      return;
    }
    for (const [key, member] of Object.entries(value)) {
      const issues = [metadataKey.safeParse(key), metadataValue.safeParse(member)].flatMap(
        ({ error }) => error?.issues ?? [],
      );
      for (const { message } of issues) context.addIssue({ code: 'custom', message, path: [key] });
    }
  })
  .openapi({ type: 'object', additionalProperties: { type: 'string', maxLength: 1024 } });

export const tagsSchema = z.array(settingText({ min: 1, max: 128 })).max(50);

const urlSchema = settingText({ min: 1, max: 2048 });

const retriesSchema = z.strictObject({
  maxAttempts: z.int().min(1).max(defaultLimits.attemptsMax).optional(),
  backoff: z.enum(['exponential', 'linear', 'fixed']).optional(),
  initialDelay: delayDuration.optional(),
  maxDelay: delayDuration.optional(),
  factor: z.number().min(1).max(100).optional(),
  delays: z.array(delayDuration).min(1).max(100).optional(),
  jitter: z.boolean().optional(),
  retryOn: z.array(z.int().min(300).max(599)).max(100).optional(),
  giveUpAfter: positiveDuration.optional(),
});

const failurePolicySchema = z.enum(['fail', 'continue', 'retry']);

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
  z.strictObject({ atLeast: z.int().min(1).max(defaultLimits.stepsMax) }),
]);

const stepSettings = {
  parallel: z.boolean().optional(),
  retries: retriesSchema.optional(),
  timeout: positiveDuration.optional(),
  failurePolicy: failurePolicySchema.optional(),
  continueOnFailure: z.boolean().optional(),
  headers: z.record(z.string(), z.string().max(8192)).optional(),
  payload: z.unknown().optional(),
  metadata: metadataSchema.optional(),
};

const stepSchema = z.strictObject({
  id: stepIdSchema,
  url: urlSchema,
  dependsOn: z.union([z.string(), z.array(z.string())]).optional(),
  compensation: urlSchema.optional(),
  runCondition: runConditionSchema.optional(),
  runAfterFailure: z.boolean().optional(),
  allowPartialDependencies: z.boolean().optional(),
  join: joinSchema.optional(),
  slowAfter: positiveDuration.optional(),
  delay: delayDuration.optional(),
  runAt: z.iso
    .datetime({ offset: true, error: 'must be an ISO 8601 time such as "2030-01-31T09:00:00Z"' })
    .optional(),
  ...stepSettings,
});

/** What a client may send as a definition. Defaults and absolute URLs come from `parseDefinition`. */
export const definitionSchema = z
  .strictObject({
    id: workflowKeySchema,
    steps: z.array(stepSchema).min(1, 'must have at least one step').max(defaultLimits.stepsMax),
    onComplete: urlSchema.optional(),
    onError: urlSchema.optional(),
    timeout: positiveDuration.optional(),
    saga: z.boolean().optional(),
    failurePolicy: failurePolicySchema.optional(),
    continueOnFailure: z.boolean().optional(),
    retryRounds: z.int().min(1).max(10).optional(),
    defaults: z.strictObject(stepSettings).optional(),
    tags: tagsSchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .openapi('WorkflowDefinition');

export type DefinitionInput = z.input<typeof definitionSchema>;
export type ParsedStep = z.output<typeof stepSchema>;
export type ParsedDefinition = z.output<typeof definitionSchema>;
