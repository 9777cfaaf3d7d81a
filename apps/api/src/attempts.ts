import { createRunState, evolve, type Plan, type RunEvent, type RunState } from '@waybill/engine';
import { isoTime, type RunInfo } from '@waybill/protocol';
import { type AttemptEvent, Requests, type RequestView } from './attempt-requests.ts';

export interface AttemptView {
  readonly delivery: 'step' | 'compensation';
  readonly attempt: number;
  /** `aborted`: its step ended without it, and `error` says by what. */
  state: 'open' | 'completed' | 'failed' | 'lost' | 'aborted';
  startedAt: string | null;
  endedAt: string | null;
  durationMs: number | null;
  status: number | null;
  error: unknown;
  retryAt: string | null;
  readonly request: RequestView;
  /** The run that a sub-workflow step was. */
  childRunId?: string;
  /** First characters of the answer that failed the attempt, or of the result of a step that completed. */
  answer: string | null;
}

/**
 * The attempt ledger of one step and of its compensation, from the run's journal and the plan of its version. What was
 * sent is worked out again from it: nothing else is stored.
 */
export function attemptsOf(
  events: readonly RunEvent[],
  plan: Plan,
  { step: id, info, deliveryBytesMax }: Ledger,
): AttemptView[] {
  const run = createRunState(plan, info.id, info.context);
  const attempts = new Map<string, AttemptView>();
  const requests = new Requests(run, info, deliveryBytesMax);
  for (const event of events) {
    evolve(run, event);
    if (endsOpen(event, run, id)) {
      for (const view of attempts.values())
        if (view.state === 'open') abort(view, event, errorOf(event, run, id));
    }
    if (!('delivery' in event) || event.step !== id || event.delivery === 'hook') continue;
    const told = asAnswered(event, attempts);
    const { delivery } = event;
    const { attempt } = told;
    const before = attempts.get(`${delivery}:${attempt}`);
    // Its callback came when the attempt had failed already: both are kept.
    const isLate = before?.endedAt != null && event.type === 'step.completed';
    const name = `${delivery}:${attempt}${isLate ? ':late' : ''}`;
    const view = attempts.get(name) ?? opened(delivery, attempt, before?.request ?? requests.of(event));
    attempts.set(name, view);
    record(view, told);
  }
  return [...attempts.values()];
}

interface Ledger {
  /** Step id. */
  readonly step: string;
  readonly info: RunInfo;
  readonly deliveryBytesMax: number;
}

/** Ended from outside, by hand as itself or with the `forEach` that it is of: what its handler did is unknown. */
function endsOpen(event: RunEvent, { plan }: RunState, id: string): boolean {
  if (endsOpenAttempts.has(event.type)) return true;
  if (event.type !== 'step.skipped' && event.type !== 'step.passed') return false;
  return event.step === id || event.step === plan.steps[plan.indexById.get(id) ?? -1]?.definition.id;
}

const excerptChars = 1024;

/** Exchanges in flight are given up: what their handlers did is unknown. */
const endsOpenAttempts: ReadonlySet<string> = new Set(['run.timed_out', 'run.cancelling', 'run.quarantined']);

function abort(view: AttemptView, { at }: RunEvent, error: unknown): void {
  Object.assign(view, { state: 'aborted', endedAt: isoTime(at), error });
}

/** What ended it is the error of its step too, unless that has none. */
function errorOf({ type }: RunEvent, { plan, steps }: RunState, id: string): object | null {
  if (type === 'step.passed') return aborted('completed_by_hand', 'the step was completed by hand');
  if (type === 'step.skipped') return aborted('skipped_by_hand', 'the step was skipped by hand');
  const step = steps[plan.indexById.get(id) ?? -1];
  return step?.compensation?.error ?? step?.error ?? null;
}

function aborted(code: string, message: string): object {
  return { code, message: `${message} while this attempt was open`, outcome: 'unknown' };
}

/** Success by callback is that of the attempt it came to: it ends the step, and the newest attempt if that is open. */
function asAnswered(event: AttemptEvent, attempts: ReadonlyMap<string, AttemptView>): AttemptEvent {
  if (event.type !== 'step.completed' || (event.callback ?? event.attempt) === event.attempt) return event;
  const attempt = event.callback!;
  const newest = attempts.get(`step:${event.attempt}`);
  const error = aborted('completed_by_callback', `a callback to attempt ${attempt} completed the step`);
  if (newest?.state === 'open') abort(newest, event, error);
  const { startedAt = null } = attempts.get(`step:${attempt}`) ?? {};
  return { ...event, attempt, startedAt: startedAt === null ? event.startedAt : Date.parse(startedAt) };
}

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
  if ('result' in event) view.answer = event.result?.slice(0, excerptChars) ?? null;
  if (event.type === 'attempt.failed') view.retryAt = isoTime(event.retryAt);
}
