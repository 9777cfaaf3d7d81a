import type { Plan, RunEvent } from '@waybill/engine';
import { isoTime, webhookId } from '@waybill/protocol';

export interface AttemptView {
  readonly delivery: 'step' | 'compensation';
  readonly attempt: number;
  state: 'open' | 'completed' | 'failed' | 'lost';
  startedAt: string | null;
  endedAt: string | null;
  durationMs: number | null;
  status: number | null;
  error: unknown;
  retryAt: string | null;
  /** Both null for a sub-workflow, which no request starts. */
  readonly request: { readonly url: string | null; readonly webhookId: string | null };
  /** The run that a sub-workflow step was. */
  childRunId?: string;
  /** First characters of the answer that failed the attempt. */
  answer: string | null;
}

/** The attempt ledger of one step and of its compensation, from the run's journal. */
export function attemptsOf(
  events: readonly RunEvent[],
  plan: Plan,
  step: { readonly index: number; readonly runId: string },
): AttemptView[] {
  const { id: stepId, definition } = plan.steps[step.index]!;
  const attempts = new Map<string, AttemptView>();
  let round = 0;
  for (const event of events) {
    if (event.type === 'run.retrying') round = event.round;
    if (event.type === 'run.reopened') round++;
    if (endsOpenAttempts.has(event.type)) {
      for (const view of attempts.values()) if (view.state === 'open') giveUp(view, event.at);
    }
    // By hand, as itself or with the `forEach` that it is of.
    if (
      (event.type === 'step.skipped' || event.type === 'step.passed') &&
      [stepId, definition.id].includes(event.step)
    ) {
      for (const view of attempts.values()) if (view.state === 'open') giveUp(view, event.at);
    }
    if (!('delivery' in event) || event.step !== stepId || event.delivery === 'hook') continue;
    const { delivery, attempt } = event;
    const before = attempts.get(`${delivery}:${attempt}`);
    // Its callback came when the attempt had failed already: both are kept.
    const isLate = before?.endedAt != null && event.type === 'step.completed';
    const name = `${delivery}:${attempt}${isLate ? ':late' : ''}`;
    const url = (delivery === 'step' ? definition.url : definition.compensation) ?? null;
    const id = webhookId(step.runId, delivery, step.index, delivery === 'step' ? round : 0);
    const request = { url, webhookId: url === null ? null : id };
    const view = attempts.get(name) ?? opened(delivery, attempt, request);
    attempts.set(name, view);
    record(view, event);
  }
  return [...attempts.values()];
}

/** Exchanges in flight are given up: what their handlers did is unknown. */
const endsOpenAttempts: ReadonlySet<string> = new Set(['run.timed_out', 'run.cancelling', 'run.quarantined']);

function giveUp(view: AttemptView, at: number): void {
  view.state = 'lost';
  view.endedAt = isoTime(at);
}

type AttemptEvent = Extract<RunEvent, { attempt: number }>;

function opened(
  delivery: AttemptView['delivery'],
  attempt: number,
  request: AttemptView['request'],
): AttemptView {
  const unknown = { startedAt: null, endedAt: null, durationMs: null, status: null, retryAt: null };
  return { delivery, attempt, state: 'open', ...unknown, error: null, request, answer: null };
}

function record(view: AttemptView, event: AttemptEvent): void {
  if (event.type === 'attempt.started') {
    view.startedAt = isoTime(event.at);
    return;
  }
  if (event.type === 'child.started') {
    view.startedAt = isoTime(event.at);
    view.childRunId = event.child;
    return;
  }
  if (event.type === 'attempt.extended') return;
  view.startedAt = isoTime(event.startedAt);
  if (event.type === 'attempt.pending') {
    view.status = event.status ?? null;
    return;
  }
  view.endedAt = isoTime(event.at);
  view.durationMs = event.at - event.startedAt;
  view.status = event.status ?? null;
  if (event.type === 'attempt.lost') view.state = 'lost';
  else if (event.type === 'step.completed' || event.type === 'compensation.completed')
    view.state = 'completed';
  else view.state = 'failed';
  if ('error' in event) view.error = event.error;
  if ('excerpt' in event) view.answer = event.excerpt ?? null;
  if (event.type === 'attempt.failed') view.retryAt = isoTime(event.retryAt);
}
