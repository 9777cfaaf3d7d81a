/**
 * The wire: schemas, error codes, header names, ids, and what an answer means. Knows HTTP's words but
 * opens no socket; imports the engine only.
 */
export { elementTexts, isNestedDeeperThan, membersOf, memberText } from '@waybill/engine';
export { type ClassifyOptions, classifyAnswer, type HandlerAnswer } from './answer.ts';
export type { AddedStepsResult } from './definition/added-steps.ts';
export { parseStepsFor } from './definition/added-to-run.ts';
export type { DefinitionChecks } from './definition/checks.ts';
export { type DefinitionResult, parseDefinition } from './definition/parse.ts';
export { addedStepsSchema, type DefinitionInput, definitionSchema } from './definition/schema.ts';
export { timeFields } from './definition/step-schema.ts';
export {
  metadataSchema,
  settingText,
  stepIdSchema,
  tagsSchema,
  workflowKeySchema,
} from './definition/texts.ts';
export { findWarnings } from './definition/warnings.ts';
export { writtenDefinition } from './definition/written.ts';
export { derivedUuid } from './derived-uuid.ts';
export { durationSchema, parseDuration } from './duration.ts';
export { zodFaults } from './faults.ts';
export { userAgent, version, wire } from './headers.ts';
export { createId, type IdPrefix, idOfUuid, uuidOfId, webhookId } from './ids.ts';
export { isoTime } from './iso-time.ts';
export { type DefinitionLimits, defaultLimits, type Limits, limitOf } from './limits.ts';
export { Problem, type ProblemCode, type ProblemError, problemStatus } from './problem.ts';
export {
  leastChars,
  noLinks,
  type RequestFacts,
  type RequestLinks,
  requestBody,
} from './request-body.ts';
export { type CatchUp, type DueOptions, type DueTicks, dueTicks } from './schedule/due-ticks.ts';
export { scheduleSchema } from './schedule/schema.ts';
export { newestTick, nextTick, nextTicks, type Timing, timingOf } from './schedule/timing.ts';
export { defaultTimeZone, findTimingFaults } from './schedule/timing-faults.ts';
export { freshStateBytes } from './state-size.ts';
export {
  compensationsOf,
  idsIn,
  objectText,
  type RunInfo,
  resultsText,
  statusText,
} from './status.ts';
export { type StepEnd, stepEndOf } from './step-end.ts';
