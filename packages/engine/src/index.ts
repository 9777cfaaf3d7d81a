/**
 * The engine: what a workflow means. Pure: no I/O, clock, random or timer may live here, and nothing
 * here imports another room.
 */
export type { Callback, Cancel, Command, EndAttempt, EndStep, Outcome, Rejection } from './commands.ts';
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
export { type Effects, noEffects, type WakeTarget } from './effects.ts';
export { retryPolicyOf } from './end-of-attempt.ts';
export type { RunEvent, RunEventType } from './events.ts';
export { evolve } from './evolve.ts';
export { findDelivery } from './evolve-delivery.ts';
export {
  type Compiled,
  compileExpression,
  type Expression,
  type ExpressionInput,
  evaluateCondition,
  evaluateList,
} from './expression/index.ts';
export { findGraphFaults } from './graph.ts';
export { hash32, hashFraction } from './hash.ts';
export { hookRetryPolicy, hookTimeoutMs } from './hook.ts';
export { isNestedDeeperThan, membersOf, memberText } from './json-text.ts';
export { ancestorsOf, compilePlan, type Plan, type PlanStep } from './plan.ts';
export { backoffDelayMs } from './retry.ts';
export {
  createRunState,
  type Delivery,
  type DeliveryKind,
  type HookName,
  hasEnded,
  isTerminal,
  type RunError,
  type RunPhase,
  type RunState,
  type RunStateName,
  type StepError,
  type StepReason,
  type StepState,
  type StepStateName,
} from './state.ts';
export { type Transition, transact } from './transact.ts';
