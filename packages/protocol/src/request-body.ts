import {
  asItEnded,
  attemptsOf,
  attemptTimeoutMs,
  type Delivery,
  type Hook,
  type HookName,
  instancesOf,
  memberText,
  type PlanStep,
  previousSteps,
  type RunState,
  resultOf,
  type StepState,
} from '@waybill/engine';
import { isoTime } from './iso-time.ts';
import { compensationsOf, idsIn, objectText, type RunInfo, resultsText } from './status.ts';

/** URLs of ours that a request carries. */
export interface RequestLinks {
  /** Where this attempt may be answered later; null when this deployment names no public URL. */
  readonly callbackUrl: string | null;
  /** Of the steps below it that wait for a signal: id, and where a person gives it. */
  readonly approvals: readonly (readonly [step: string, url: string])[];
}

export const noLinks: RequestLinks = { callbackUrl: null, approvals: [] };

export interface RequestFacts extends RequestLinks {
  /** Engine time. */
  readonly nowMs: number;
}

/** Bodies are concatenated from the texts that came in; nothing a user sent is serialised again. */
export function requestBody(state: RunState, info: RunInfo, delivery: Delivery, facts: RequestFacts): string {
  const { nowMs } = facts;
  if (delivery.kind === 'step') return stepBody(state, info, state.steps[delivery.index]!, facts);
  if (delivery.kind === 'compensation') {
    return compensationBody(state, info, state.steps[delivery.index]!, nowMs);
  }
  const hook = delivery as Hook;
  return hookBody(asItEnded(state, hook), info, hook.name);
}

function stepBody(
  state: RunState,
  info: RunInfo,
  step: StepState,
  { nowMs, callbackUrl, approvals }: RequestFacts,
): string {
  const previous = previousStepsText(state, step);
  const payload = payloadText(step);
  return `{"context":${info.context},"previousSteps":${previous},${payload}"run":${runText(state, info)},"step":${attemptText(step, step.delivery!, nowMs)}${callbackText(step, nowMs, callbackUrl)}${approvalsText(approvals)}}`;
}

function callbackText({ plan, delivery }: StepState, nowMs: number, url: string | null): string {
  if (url === null) return '';
  return `,"callback":{"url":"${url}","expiresAt":"${isoTime(nowMs + attemptTimeoutMs(plan, delivery!))}"}`;
}

function approvalsText(approvals: RequestLinks['approvals']): string {
  if (approvals.length === 0) return '';
  return `,"approvals":${objectText(approvals.map(([step, url]) => [step, `{"url":"${url}"}`] as const))}`;
}

function compensationBody(state: RunState, info: RunInfo, step: StepState, nowMs: number): string {
  return objectText([
    ['type', '"compensation"'],
    ['context', info.context],
    ['result', step.result ?? 'null'],
    ['error', JSON.stringify(state.error)],
    ['run', runText(state, info)],
    ['step', attemptText(step, step.compensation!, nowMs)],
  ]);
}

function runText(state: RunState, info: RunInfo): string {
  return `{"id":"${info.id}","workflowId":"${info.workflowId}","version":${info.version},"startedAt":"${isoTime(state.startedAt)}"}`;
}

/** Step ids and workflow keys are of characters that JSON does not escape. */
function attemptText(step: StepState, delivery: Delivery, nowMs: number): string {
  const { plan } = step;
  const deadline = isoTime(nowMs + attemptTimeoutMs(plan, delivery));
  return `{"id":"${plan.id}","attempt":${delivery.attempts},"maxAttempts":${plan.retries.maxAttempts},"timeout":${plan.definition.timeout},"deadline":"${deadline}"${itemText(plan)}}`;
}

function itemText({ instance }: PlanStep): string {
  return instance === null ? '' : `,"item":${instance.item},"index":${instance.index}`;
}

const payloadTexts = new WeakMap<object, string>();

function payloadText({ plan }: StepState): string {
  if (plan.definition.payload === undefined) return '';
  let text = payloadTexts.get(plan);
  if (text === undefined) {
    text = `"payload":${JSON.stringify(plan.definition.payload)},`;
    payloadTexts.set(plan, text);
  }
  return text;
}

/** Half of what a request may have; results above it are left to `GET /v1/runs/{id}`. */
const hookResultsCharsMax = 2 * 1024 * 1024;

function resultsMembers(state: RunState): [string, string][] {
  const isTooMuch = charsOf(state.steps) > hookResultsCharsMax;
  return isTooMuch
    ? [
        ['results', '{}'],
        ['resultsOmitted', 'true'],
      ]
    : [['results', resultsText(state)]];
}

function charsOf(steps: readonly StepState[]): number {
  return steps.reduce((sum, { result }) => sum + (result?.length ?? 0), 0);
}

/** Of a `forEach`, those of its instances. */
function charsAbove(state: RunState, above: readonly StepState[]): number {
  return charsOf([...above, ...above.flatMap((step) => instancesOf(state, step))]);
}

/**
 * Characters that the request will have at least: looked at before it is built, because the results of ten
 * thousand steps can be longer than any string.
 */
export function leastChars(state: RunState, info: RunInfo, delivery: Delivery): number {
  if (delivery.kind !== 'step') return info.context.length;
  return info.context.length + charsAbove(state, previousSteps(state, state.steps[delivery.index]!));
}

function previousStepsText(state: RunState, step: StepState): string {
  if (step.plan.dependencies.length === 0) return '{}';
  const ended = previousSteps(state, step);
  return `{${ended.map((ancestor) => `"${ancestor.plan.id}":${previousStepText(state, ancestor)}`).join(',')}}`;
}

function previousStepText(state: RunState, step: StepState): string {
  const isCompleted = step.state === 'completed';
  const error = JSON.stringify(step.error);
  const result = isCompleted ? withSuccess(resultOf(state, step) ?? 'null') : failedResult(step, error);
  return `{"state":"${step.state}","success":${isCompleted},"result":${result},"error":${error},"attempts":${attemptsOf(state, step)},"startedAt":${JSON.stringify(isoTime(step.startedAt))},"completedAt":${JSON.stringify(isoTime(step.completedAt))}}`;
}

function failedResult(step: StepState, error: string): string {
  return step.state === 'failed' ? `{"success":false,"error":${error}}` : 'null';
}

/** A plain object gets the envelope's `success` merged in, its own winning; anything else stays raw. */
function withSuccess(result: string): string {
  if (!result.startsWith('{')) return result;
  if (memberText(result, 'success') !== undefined) return result;
  const rest = result.slice(1).trimStart();
  return rest.startsWith('}') ? '{"success":true}' : `{"success":true,${rest}`;
}

export function hookType(state: RunState): 'workflow.completed' | 'workflow.failed' | 'workflow.cancelled' {
  return `workflow.${state.state as 'completed' | 'failed' | 'cancelled'}`;
}

function hookBody(state: RunState, info: RunInfo, hook: HookName): string {
  return objectText([
    ['type', JSON.stringify(hookType(state))],
    ['hook', JSON.stringify(hook)],
    ['timestamp', JSON.stringify(isoTime(state.completedAt))],
    ['runId', JSON.stringify(info.id)],
    ['workflowId', JSON.stringify(info.workflowId)],
    ['state', JSON.stringify(state.state)],
    ['run', runText(state, info)],
    ['context', info.context],
    ...resultsMembers(state),
    ['completedSteps', JSON.stringify(idsIn(state, 'completed'))],
    ['failedSteps', JSON.stringify(idsIn(state, 'failed'))],
    ['skippedSteps', JSON.stringify(idsIn(state, 'skipped'))],
    ['error', JSON.stringify(state.error)],
    ['compensation', JSON.stringify(compensationsOf(state))],
    ['createdAt', JSON.stringify(isoTime(state.createdAt))],
    ['startedAt', JSON.stringify(isoTime(state.startedAt))],
    ['completedAt', JSON.stringify(isoTime(state.completedAt))],
  ]);
}
