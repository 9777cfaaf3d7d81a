import { z } from '@hono/zod-openapi';
import {
  concurrencySchema,
  failurePolicySchema,
  positiveDuration,
  stepSchema,
  stepSettings,
} from './step-schema.ts';
import { metadataSchema, stepIdSchema, tagsSchema, urlSchema, workflowKeySchema } from './texts.ts';

/** What a client may send as a definition. Defaults and absolute URLs come from `parseDefinition`. */
export const definitionSchema = z
  .strictObject({
    id: workflowKeySchema,
    steps: z.array(stepSchema).min(1, 'must have at least one step'),
    onComplete: urlSchema.optional(),
    onError: urlSchema.optional(),
    timeout: positiveDuration.optional(),
    saga: z.boolean().optional(),
    failurePolicy: failurePolicySchema.optional(),
    continueOnFailure: z.boolean().optional(),
    retryRounds: z.int().min(1).max(10).optional(),
    maxConcurrency: concurrencySchema.optional(),
    defaults: z.strictObject(stepSettings).optional(),
    tags: tagsSchema.optional(),
    metadata: metadataSchema.optional(),
  })
  .openapi('WorkflowDefinition');

/** What a client may send as steps of a run that exists. What they mean there comes from `parseAddedSteps`. */
export const addedStepsSchema = z
  .array(stepSchema.extend({ parent: stepIdSchema.optional() }))
  .min(1, 'must have at least one step')

  .openapi('AddedSteps');

export type DefinitionInput = z.input<typeof definitionSchema>;
export type ParsedAddedSteps = z.output<typeof addedStepsSchema>;
export type ParsedDefinition = z.output<typeof definitionSchema>;
