/**
 * The engine: what a workflow means. Pure: no I/O, clock, random or timer may live here, and nothing
 * here imports another room.
 */
export type {
  AddSteps,
  Callback,
  Cancel,
  ChildEnded,
  Command,
  EndAttempt,
  EndStep,
  Outcome,
  Rejection,
  Signal,
  StartChild,
} from './commands.ts';
export { copiesOf } from './copy.ts';
export { conclude, decide } from './decide.ts';
export type {
  Backoff,
  DefinitionFault,
  FailurePolicy,
  RetryPolicy,
  RunCondition,
  SignalWait,
  StepDefinition,
  WorkflowDefinition,
} from './definition.ts';
export { defaultRetryPolicy } from './definition.ts';
export { dueDeliveries, isSendable, openDeliveries, type Wake, wakes } from './deliveries.ts';
export type { Delivery, DeliveryKind, HookName, Progress, StepError } from './delivery.ts';
export { type Effects, noEffects, type WakeTarget } from './effects.ts';
export { retryPolicyOf } from './end-of-attempt.ts';
export type { RunEvent, RunEventType } from './events.ts';
export { evolve } from './evolve.ts';
export { findDelivery, nameOf as nameOfDelivery } from './evolve-delivery.ts';
export {
  type Compiled,
  canGive,
  compileExpression,
  type Expression,
  type ExpressionInput,
  evaluateCondition,
  evaluateList,
} from './expression/index.ts';
export { findGraphFaults } from './graph.ts';
export { hash32, hashFraction } from './hash.ts';
export { hookRetryPolicy, hookTimeoutMs } from './hook.ts';
export { elementTexts, isNestedDeeperThan, membersOf, memberText } from './json-text.ts';
export { defaultEngineLimits, type EngineLimits, type Limit } from './limits.ts';
export { ancestorsOf, compilePlan, type Instance, type Plan, type PlanStep, type StepKind } from './plan.ts';
export { previousSteps } from './previous-steps.ts';
export { restOnStarts } from './rest-on-starts.ts';
export { attemptTimeoutMs, backoffDelayMs, givesUpAt } from './retry.ts';
export { asItEnded } from './round-end.ts';
export {
  createRunState,
  type Hook,
  isTerminal,
  type ParentLink,
  type RunError,
  type RunPhase,
  type RunState,
  type RunStateName,
  type StepReason,
  type StepStateName,
} from './state.ts';
export {
  attemptsOf,
  type Group,
  hasEnded,
  membersOf as instancesOf,
  outcomeOf,
  resultOf,
  type StepState,
} from './step-state.ts';
export { begin, type Transition, transact } from './transact.ts';
