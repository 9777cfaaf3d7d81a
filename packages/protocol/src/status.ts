import { type Delivery, isTerminal, type RunState, type StepState } from '@waybill/engine';
import { isoTime } from './iso-time.ts';

/** What the engine does not know of a run. */
export interface RunInfo {
  readonly id: string;
  readonly workflowId: string;
  readonly version: number;
  /** JSON text as the client sent it. */
  readonly context: string;
  readonly tags: readonly string[];
  /** JSON text, or null. */
  readonly metadata: string | null;
}

/** A JSON object from member texts; keys are written in order. */
export function objectText(members: readonly (readonly [key: string, text: string])[]): string {
  return `{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(',')}}`;
}

/** The run status of http-contract.md, as JSON text: contexts and results travel as they came. */
export function statusText(state: RunState, info: RunInfo): string {
  const json = JSON.stringify;
  const running = state.steps.filter((step) => step.state === 'running').map((step) => step.plan.id);
  return objectText([
    ['id', json(info.id)],
    ['workflowId', json(info.workflowId)],
    ['version', json(info.version)],
    ['state', json(state.state)],
    ['phase', json(state.isPaused && !isTerminal(state.state) ? 'paused' : state.phase)],
    ['createdAt', json(isoTime(state.createdAt))],
    ['startedAt', json(isoTime(state.startedAt))],
    ['completedAt', json(isoTime(state.completedAt))],
    ['timeout', json(state.plan.definition.timeout)],
    ['currentStep', json(isTerminal(state.state) ? null : (running[0] ?? null))],
    ['currentSteps', json(running)],
    ['completedSteps', json(idsIn(state, 'completed'))],
    ['failedSteps', json(idsIn(state, 'failed'))],
    ['skippedSteps', json(idsIn(state, 'skipped'))],
    ['context', info.context],
    ['results', resultsText(state)],
    ['error', json(state.error)],
    ['compensation', json(compensationsOf(state))],
    ['hooks', json(hooksOf(state))],
    ['tags', json(info.tags)],
    ['metadata', info.metadata ?? '{}'],
    ['parentRunId', 'null'],
    ['steps', `[${state.steps.map(stepText).join(',')}]`],
  ]);
}

export function idsIn(state: RunState, name: StepState['state']): string[] {
  return state.steps.filter((step) => step.state === name).map((step) => step.plan.id);
}

/** Step id → raw result, for steps that completed. */
export function resultsText(state: RunState): string {
  const completed = state.steps.filter((step) => step.state === 'completed');
  return objectText(completed.map((step) => [step.plan.id, step.result ?? 'null'] as const));
}

export interface CompensationView {
  readonly stepId: string;
  readonly state: 'pending' | 'running' | 'completed' | 'failed';
  readonly attempts: number;
  readonly error: unknown;
}

/** In the order in which they run: the reverse of completion. */
export function compensationsOf(state: RunState): CompensationView[] {
  return state.completionOrder
    .map((index) => state.steps[index]!)
    .filter((step) => step.compensation !== null)
    .reverse()
    .map((step) => ({ stepId: step.plan.id, ...deliveryView(step.compensation!) }));
}

function hooksOf(state: RunState) {
  const { hook } = state;
  if (!hook) return [];
  return [{ kind: hook.name, url: hook.url, ...deliveryView(hook) }];
}

function deliveryView(delivery: Delivery) {
  const unfinished = delivery.attempts > 0 ? ('running' as const) : ('pending' as const);
  const state = delivery.state === 'open' ? unfinished : delivery.state;
  return { state, attempts: delivery.attempts, error: delivery.error };
}

function stepText(step: StepState): string {
  const { definition } = step.plan;
  const json = JSON.stringify;
  return objectText([
    ['id', json(step.plan.id)],
    ['state', json(step.state)],
    ['phase', json(phaseOf(step))],
    ['reason', json(step.reason)],
    ['startedAt', json(isoTime(step.startedAt))],
    ['completedAt', json(isoTime(step.completedAt))],
    ['attempts', json(step.delivery?.attempts ?? 0)],
    ['result', step.result ?? 'null'],
    ['error', json(step.error ?? step.delivery?.error ?? null)],
    ['outcome', json(step.error?.outcome ?? null)],
    ['dependsOn', json(definition.dependsOn)],
    ['parallel', json(definition.parallel)],
    ['timeout', json(definition.timeout)],
    ['url', json(definition.url ?? null)],
  ]);
}

/** What a running step is busy with; null for every other state. */
function phaseOf(step: StepState): 'open' | 'backoff' | null {
  if (step.state !== 'running') return null;
  return step.delivery?.open ? 'open' : 'backoff';
}
