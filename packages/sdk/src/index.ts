/**
 * `@waybill/sdk`: Web standards only (fetch, Request, Response, WebCrypto). Nothing reachable from here may
 * import a `node:` module (a test walks the imports); what needs Node is in `@waybill/sdk/node`.
 */
export { type CompletedOptions, completed, pending } from './answer.ts';
export type {
  CallbackAnswer,
  CallbackError,
  Callbacks,
  CallbackTaken,
  CompleteOptions,
  FailOptions,
  Heartbeat,
} from './callbacks.ts';
export {
  type AddedStep,
  type ContextOf,
  type Duration,
  defineWorkflow,
  type FailurePolicy,
  type Join,
  type RetryConfig,
  type RunCondition,
  type SignalWait,
  type StepAction,
  type StepFields,
  type StepIdOf,
  type StepSettings,
  type WorkflowDefinition,
  type WorkflowStep,
} from './definition.ts';
export {
  ApiError,
  ConfigError,
  type JobErrorOptions,
  NetworkError,
  PermanentError,
  RetryableError,
  type RetryableErrorOptions,
  WaitTimeoutError,
  WaybillError,
} from './errors.ts';
export type {
  OtherEvent,
  StepCompletedEvent,
  StepFailedEvent,
  StepSkippedEvent,
  StepSlowEvent,
  WorkflowEvent,
} from './event.ts';
export type { EventsOptions } from './events.ts';
export type {
  AnyWorkflow,
  Job,
  JobCallback,
  JobInput,
  JobRun,
  JobStep,
  PreviousStep,
  PreviousSteps,
  WebHandler,
} from './job.ts';
export type { Jobs } from './jobs.ts';
export type {
  Attempt,
  CompensationStatus,
  DeliveryState,
  HookStatus,
  Page,
  PutWorkflow,
  RunPhase,
  RunState,
  RunStatus,
  RunSummary,
  StepError,
  StepReason,
  StepState,
  StepStatus,
  StoredWorkflow,
} from './run.ts';
export type { Runtime } from './runtime.ts';
export type { CatchUp, Overlap, Schedule, ScheduleInput, ScheduleSummary } from './schedule.ts';
export type { Schedules } from './schedules.ts';
export type { WaybillOptions } from './settings.ts';
export type { WaitOptions } from './wait.ts';
export { Waybill } from './waybill.ts';
export type {
  ApprovalLink,
  CancelOptions,
  CommandAccepted,
  CompleteStepOptions,
  IdempotencyOptions,
  PageFilter,
  RerunOptions,
  RunFilter,
  SkipStepOptions,
  StartInput,
  StartManyOptions,
  ValidationResult,
  Workflows,
} from './workflows.ts';
