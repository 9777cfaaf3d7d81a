import {
  attemptsOf,
  type Delivery,
  isTerminal,
  outcomeOf,
  type RunState,
  resultOf,
  type StepState,
} from '@waybill/engine';
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

/**
 * A JSON object from member texts, written in order. Keys are names of ours and ids of steps, of characters that
 * JSON does not escape.
 */
export function objectText(members: readonly (readonly [key: string, text: string])[]): string {
  let text = '';
  for (const [key, value] of members) text += `${text === '' ? '' : ','}"${key}":${value}`;
  return `{${text}}`;
}

/** The run status of http-contract.md, as JSON text: contexts and results travel as they came. */
export function statusText(state: RunState, info: RunInfo): string {
  const json = JSON.stringify;
  const running = idsIn(state, 'running');
  return objectText([
    ['id', json(info.id)],
    ['workflowId', json(info.workflowId)],
    ['version', json(info.version)],
    ['state', json(state.state)],
    ['phase', json(state.isPaused && state.phase !== 'done' ? 'paused' : state.phase)],
    ['createdAt', json(isoTime(state.createdAt))],
    ['startAt', json(isoTime(state.startAt))],
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
    ['parentRunId', json(state.parent?.run ?? null)],
    ['rerunOf', json(state.rerunOf)],
    ['steps', `[${state.steps.map((step) => stepText(state, step)).join(',')}]`],
  ]);
}

/** A `forEach` is one step here; its instances are among `steps`. */
export function idsIn(state: RunState, name: StepState['state']): string[] {
  return wholeSteps(state)
    .filter((step) => step.state === name)
    .map((step) => step.plan.id);
}

function wholeSteps({ steps }: RunState): StepState[] {
  return steps.filter(({ plan }) => plan.instance === null);
}

/** Step id → raw result, for steps that completed. */
export function resultsText(state: RunState): string {
  const completed = wholeSteps(state).filter((step) => step.state === 'completed');
  return objectText(completed.map((step) => [step.plan.id, resultOf(state, step) ?? 'null'] as const));
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
  return state.hooks.map((hook) => ({ kind: hook.name, url: hook.url, ...deliveryView(hook) }));
}

function deliveryView(delivery: Delivery) {
  const unfinished = delivery.attempts > 0 ? ('running' as const) : ('pending' as const);
  const state = delivery.state === 'open' ? unfinished : delivery.state;
  return { state, attempts: delivery.attempts, error: delivery.error };
}

function progressOf({ delivery }: StepState) {
  if (!delivery?.progress) return null;
  const { percent, note, at } = delivery.progress;
  return { percent, note, at: isoTime(at) };
}

function stepText(state: RunState, step: StepState): string {
  const { definition } = step.plan;
  const json = JSON.stringify;
  return objectText([
    ['id', json(step.plan.id)],
    ['state', json(step.state)],
    ['phase', json(phaseOf(step))],
    ['reason', json(step.reason)],
    ['startedAt', json(isoTime(step.startedAt))],
    ['completedAt', json(isoTime(step.completedAt))],
    ['attempts', json(attemptsOf(state, step))],
    ['progress', json(progressOf(step))],
    ['result', resultOf(state, step) ?? 'null'],
    ['error', json(step.error ?? step.delivery?.error ?? null)],
    ['outcome', json(outcomeOf(state, step))],
    ['dependsOn', json(definition.dependsOn)],
    ['parallel', json(definition.parallel)],
    ['timeout', json(definition.timeout)],
    ['url', json(definition.url ?? null)],
    ...kindTexts(step),
  ]);
}

/** Only where they say something: most steps are plain requests. */
function kindTexts({ plan, group, delivery }: StepState): [string, string][] {
  const { definition, instance } = plan;
  const texts: [string, string][] = [];
  if (definition.sleep !== undefined) texts.push(['sleep', JSON.stringify(definition.sleep)]);
  if (definition.waitFor) texts.push(['waitFor', JSON.stringify(definition.waitFor)]);
  if (definition.workflow !== undefined) {
    texts.push(['workflow', JSON.stringify(definition.workflow)]);
    texts.push(['childRunId', JSON.stringify(delivery?.child ?? null)]);
  }
  if (group) texts.push(['instances', String(group.count)]);
  if (instance) texts.push(['index', String(instance.index)], ['item', instance.item]);
  return texts;
}

/** What a step that has not ended is busy with; null for every other. */
function phaseOf({ state, delivery, plan, beganAt }: StepState): string | null {
  if (state === 'waiting' && beganAt !== null) return plan.kind === 'sleep' ? 'sleeping' : 'signal';
  if (state !== 'running') return null;
  if (delivery === null) return 'instances';
  if (!delivery.open) return 'backoff';
  if (delivery.child !== null) return 'child';
  return delivery.isPending ? 'callback' : 'open';
}
