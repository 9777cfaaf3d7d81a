/** The SDK's types are written by hand, so that it needs no zod; the compiler holds them to the schemas here. */
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { z } from '@hono/zod-openapi';
import type { StepReason as EngineReason } from '@waybill/engine';
import type { addedStepsSchema } from '@waybill/protocol';
import type {
  AddedStep,
  Attempt,
  CancelOptions,
  CommandAccepted,
  CompensationStatus,
  CompleteStepOptions,
  DeliveryState,
  FailurePolicy,
  Heartbeat,
  HookStatus,
  Join,
  RetryConfig,
  RunCondition,
  RunStatus,
  RunSummary,
  Schedule,
  ScheduleInput,
  ScheduleSummary,
  SignalWait,
  SkipStepOptions,
  StepError,
  StepReason,
  StepSettings,
  StepStatus,
  StoredWorkflow,
  WorkflowDefinition,
  WorkflowStep,
} from '@waybill/sdk';
import { expect, expectTypeOf, test } from 'vitest';
import type { createScheduleBody, scheduleSummary, scheduleView } from './schedule-schemas.ts';
import type {
  attemptView,
  cancelBody,
  commandAccepted,
  completeStepBody,
  createBody,
  heartbeatBody,
  runStatus,
  runSummary,
  skipStepBody,
  versionView,
} from './schemas.ts';

type ApiRun = z.output<typeof runStatus>;
type ApiAttempt = z.output<typeof attemptView>;
type Item<List extends readonly unknown[]> = List[number];

test('what the API answers is what the SDK says', () => {
  expectTypeOf<ApiRun>().toExtend<RunStatus>();
  expectTypeOf<z.output<typeof runSummary>>().toExtend<RunSummary>();
  expectTypeOf<ApiAttempt>().toExtend<Attempt>();
  expectTypeOf<z.output<typeof versionView>>().toExtend<StoredWorkflow>();
  expectTypeOf<z.output<typeof scheduleView>>().toExtend<Schedule>();
  expectTypeOf<z.output<typeof scheduleSummary>>().toExtend<ScheduleSummary>();
  expectTypeOf<z.output<typeof commandAccepted>>().toExtend<CommandAccepted>();
});

test('and neither has a field that the other lacks', () => {
  expectTypeOf<keyof ApiRun>().toEqualTypeOf<keyof RunStatus>();
  expectTypeOf<keyof z.output<typeof runSummary>>().toEqualTypeOf<keyof RunSummary>();
  expectTypeOf<keyof z.output<typeof scheduleView>>().toEqualTypeOf<keyof Schedule>();
  expectTypeOf<keyof z.output<typeof scheduleSummary>>().toEqualTypeOf<keyof ScheduleSummary>();
  expectTypeOf<keyof z.input<typeof createScheduleBody>>().toEqualTypeOf<keyof ScheduleInput>();
  expectTypeOf<keyof Item<ApiRun['steps']>>().toEqualTypeOf<keyof StepStatus>();
  expectTypeOf<keyof Item<ApiRun['compensation']>>().toEqualTypeOf<keyof CompensationStatus>();
  expectTypeOf<keyof Item<ApiRun['hooks']>>().toEqualTypeOf<keyof HookStatus>();
  expectTypeOf<keyof ApiAttempt>().toEqualTypeOf<keyof Attempt>();
  expectTypeOf<keyof NonNullable<ApiAttempt['error']>>().toEqualTypeOf<keyof StepError>();
  expectTypeOf<keyof z.output<typeof versionView>>().toEqualTypeOf<keyof StoredWorkflow>();
});

test('states are the same words', () => {
  expectTypeOf<ApiRun['state']>().toEqualTypeOf<RunStatus['state']>();
  expectTypeOf<ApiRun['phase']>().toEqualTypeOf<RunStatus['phase']>();
  expectTypeOf<Item<ApiRun['steps']>['state']>().toEqualTypeOf<StepStatus['state']>();
  expectTypeOf<Item<ApiRun['steps']>['phase']>().toEqualTypeOf<StepStatus['phase']>();
  expectTypeOf<Item<ApiRun['hooks']>['state']>().toEqualTypeOf<DeliveryState>();
  expectTypeOf<ApiAttempt['state']>().toEqualTypeOf<Attempt['state']>();
});

test('a definition has the same fields, and their words are the same', () => {
  type ApiDefinition = z.input<typeof createBody>;
  type ApiStep = Item<ApiDefinition['steps']>;
  expectTypeOf<keyof ApiDefinition>().toEqualTypeOf<keyof WorkflowDefinition>();
  expectTypeOf<keyof ApiStep>().toEqualTypeOf<keyof WorkflowStep>();
  expectTypeOf<keyof NonNullable<ApiDefinition['defaults']>>().toEqualTypeOf<keyof StepSettings>();
  expectTypeOf<keyof NonNullable<ApiStep['retries']>>().toEqualTypeOf<keyof RetryConfig>();
  expectTypeOf<NonNullable<ApiStep['runCondition']>>().toEqualTypeOf<RunCondition>();
  expectTypeOf<NonNullable<ApiStep['failurePolicy']>>().toEqualTypeOf<FailurePolicy>();
  expectTypeOf<NonNullable<ApiStep['join']>>().toExtend<Join>();
  expectTypeOf<NonNullable<ApiStep['delivery']>>().toEqualTypeOf<NonNullable<WorkflowStep['delivery']>>();
  expectTypeOf<keyof Extract<ApiStep['waitFor'], object>>().toEqualTypeOf<keyof SignalWait>();
  expectTypeOf<keyof Item<z.input<typeof addedStepsSchema>>>().toEqualTypeOf<keyof AddedStep>();
  expectTypeOf<EngineReason>().toEqualTypeOf<StepReason>();
});

test('what the SDK sends is what the API takes', () => {
  expectTypeOf<CancelOptions>().toExtend<z.input<typeof cancelBody>>();
  expectTypeOf<SkipStepOptions>().toExtend<z.input<typeof skipStepBody>>();
  expectTypeOf<CompleteStepOptions>().toExtend<z.input<typeof completeStepBody>>();
  expectTypeOf<Heartbeat>().toExtend<z.input<typeof heartbeatBody>>();
});

test('the compiler agrees with this file and the other tests', { timeout: 60_000 }, async () => {
  const require = createRequire(import.meta.url);
  const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  const project = fileURLToPath(new URL('../tsconfig.test.json', import.meta.url));
  const run = promisify(execFile)(process.execPath, [tsc, '-p', project]);
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
});
