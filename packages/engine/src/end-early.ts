import { dropCompensations } from './compensate.ts';
import { isCancelMode } from './condition.ts';
import type { Effects } from './effects.ts';
import { endRun } from './end-run.ts';
import type { RunCancelling, RunQuarantined } from './events.ts';
import { forgoRounds, postpone } from './fail-step.ts';
import { settle } from './settle.ts';
import type { RunState, StepReason } from './state.ts';
import { endStep, hasEnded, type StepState } from './step-state.ts';

/** The run's timeout: no step of any mode is sent any more. A run that was being cancelled stays cancelled. */
export function timeOut(state: RunState, at: number, effects: Effects): void {
  const seconds = state.plan.definition.timeout;
  state.error ??= { code: 'run_timeout', message: `the run did not end within its timeout of ${seconds} s` };
  startEnding(state, state.ending ?? 'failed');
  endEarly(state, { at, reason: 'run_timeout', spares: () => false }, effects);
}

/** Cancel: steps that only a cancellation or an end of any kind calls for are spared, and judged after it. */
export function cancel(state: RunState, event: RunCancelling, effects: Effects): void {
  const message = event.reason ?? 'the run was cancelled';
  // It may have been failing already: then the cancel is how it ends, and the failure what came before.
  state.error = { code: 'run_cancelled', message, ...(state.error ? { details: state.error } : {}) };
  startEnding(state, 'cancelled');
  state.compensate &&= event.compensate;
  // A run that never started sends nothing.
  const spares = ({ plan }: StepState) => state.startedAt !== null && isCancelMode(plan.condition.mode);
  endEarly(state, { at: event.at, reason: 'run_cancelled', spares }, effects);
}

export function quarantine(state: RunState, event: RunQuarantined, effects: Effects): void {
  const { at, error } = event;
  state.error = error;
  startEnding(state, 'failed');
  endEarly(state, { at, reason: 'run_failed', spares: () => false }, effects);
  dropCompensations(state, error, effects);
  endRun(state, 'failed', at, effects);
}

function startEnding(state: RunState, ending: 'failed' | 'cancelled'): void {
  state.ending = ending;
  state.phase = 'draining';
  state.isDrained = false;
}

interface EarlyEnd {
  readonly at: number;
  readonly reason: StepReason;
  /** Whether an unsent step stays pending. */
  readonly spares: (step: StepState) => boolean;
}

/** Ends every step that has not ended. Whether an open one has acted is unknown. */
function endEarly(state: RunState, { at, reason, spares }: EarlyEnd, effects: Effects): void {
  state.openExchanges = 0;
  state.openChildren = 0;
  state.laneHolder = null;
  state.laneQueue.clear();
  forgoRounds(state, at, effects);
  for (const step of state.steps) {
    if (hasEnded(step)) continue;
    const wasOpen = step.delivery?.open ?? false;
    if (step.delivery) {
      Object.assign(step.delivery, { open: false, isPending: false, retryAt: null, pendingUntil: null });
      effects.revoked(step.delivery);
    }
    const { instance } = step.plan;
    if (step.startedAt !== null) endRunning(state, step, { at, reason, wasOpen }, effects);
    else if (!spares(step)) endUnsent(state, step, { at, reason }, effects);
    else if (instance === null) postpone(state, step, effects);
    // Its step is spared, and took it back.
    else if (hasEnded(state.steps[instance.of]!)) endUnsent(state, step, { at, reason }, effects);
  }
}

function endRunning(
  state: RunState,
  step: StepState,
  { at, reason, wasOpen }: { at: number; reason: StepReason; wasOpen: boolean },
  effects: Effects,
): void {
  const isCancelled = reason === 'run_cancelled';
  const message = reason === 'run_timeout' ? 'the run timed out' : 'the run ended';
  const last = step.delivery?.error;
  step.error = wasOpen
    ? {
        code: reason,
        message: `${message} while this step was open; whether its handler acted is unknown`,
        outcome: 'unknown',
      }
    : {
        code: reason,
        message: `${message} before this step had ended${last ? `; its last attempt: ${last.message}` : ''}`,
        ...(last ? { details: last } : {}),
      };
  step.reason = reason;
  endStep(state, step, isCancelled ? 'cancelled' : 'failed', at);
  settle(state, step, isCancelled ? 'cancelled' : 'failed', at, effects);
}

function endUnsent(
  state: RunState,
  step: StepState,
  { at, reason }: { at: number; reason: StepReason },
  effects: Effects,
): void {
  step.reason = reason;
  endStep(state, step, 'cancelled', at);
  settle(state, step, 'cancelled', at, effects);
}
