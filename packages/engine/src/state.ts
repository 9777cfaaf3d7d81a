import { createTally, type Tally } from './condition.ts';
import { IntHeap } from './heap.ts';
import type { Plan, PlanStep } from './plan.ts';

/**
 * Who moves a run next (`state-diagram.test.ts` holds this and the code together):
 *
 *     pending ──claimed by a dispatcher────────────────────────────────▶ running
 *             ──cancel, quarantine─────────────────────────────────────▶ cancelled | failed
 *     running ──its last step ended, no round of policy `retry` due────▶ completed
 *             ──a step failed: drained, failure path, compensated──────▶ failed
 *             ──its timeout: compensated; quarantine: at once──────────▶ failed
 *             ──cancel: failure path, compensated──────────────────────▶ cancelled
 *
 * - `pending`: the dispatcher that claims it first.
 * - `running`: answers of handlers, callbacks, timers, and commands from outside.
 * - `completed`, `failed`, `cancelled`: nobody; its hook is still delivered (phase `hooks`).
 */
export type RunStateName = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';

/** What a run is busy with. `draining`: no new attempt, open ones finish. `done`: nothing left to send. */
export type RunPhase = 'running' | 'waiting' | 'paused' | 'draining' | 'compensating' | 'hooks' | 'done';

/**
 * Who moves a step next (held to the code in the same way):
 *
 *     pending ──its condition holds────────────────────────────────────▶ waiting
 *             ──its condition never will, or the run fails─────────────▶ skipped
 *             ──cancel, timeout of the run─────────────────────────────▶ cancelled
 *             ──by hand────────────────────────────────────────────────▶ completed | skipped
 *     waiting ──first send─────────────────────────────────────────────▶ running
 *             ──the run fails: cut off, or judged again once drained───▶ skipped | pending
 *             ──cancel, timeout of the run─────────────────────────────▶ cancelled
 *             ──the run ends before its turn in a round came───────────▶ failed
 *             ──by hand────────────────────────────────────────────────▶ completed | skipped
 *     running ──its last answer or callback────────────────────────────▶ completed | failed
 *             ──cancel; timeout of the run─────────────────────────────▶ cancelled | failed
 *             ──by hand────────────────────────────────────────────────▶ completed | skipped
 *     failed  ──a round of policy `retry`──────────────────────────────▶ waiting
 *
 * - `pending`: the end of a dependency, or its start (`inProgress`).
 * - `waiting`: the clock (`delay`, `runAt`), the serial lane, a free socket, or the end of a pause.
 * - `running`: the handler's answer or callback, the back-off timer, the attempt's timeout.
 * - `failed`: nobody, unless it awaits a round: then the end of the last step that is waiting or running.
 * - `completed`, `skipped`, `cancelled`: nobody.
 */
export type StepStateName =
  | 'pending'
  | 'waiting'
  | 'running'
  | 'completed'
  | 'failed'
  | 'skipped'
  | 'cancelled';

export type StepReason =
  | 'condition_not_met'
  | 'upstream_skipped'
  | 'branch_not_taken'
  | 'skipped_by_hand'
  | 'upstream_failed'
  | 'run_failed'
  | 'run_timeout'
  | 'run_cancelled';

export interface StepError {
  readonly code: string;
  readonly message: string;
  /** HTTP status of the answer that failed the attempt. */
  readonly status?: number | undefined;
  /** Set where the handler may have acted although no answer says so. */
  readonly outcome?: 'unknown' | undefined;
  /** What else the handler said of its error. */
  readonly details?: unknown;
}

export type DeliveryKind = 'step' | 'compensation' | 'hook';
export type HookName = 'onComplete' | 'onError';

/** The obligation to POST one thing to one URL, and how far it has come. */
export interface Delivery {
  readonly kind: DeliveryKind;
  /** Step index; -1 for a hook. */
  readonly index: number;
  /** Attempts started, which is also the number of the newest. */
  attempts: number;
  /** Attempts that count against `maxAttempts`: lost ones do not. */
  spent: number;
  /** An exchange is in flight. */
  open: boolean;
  /** When the newest attempt started; engine time in ms. */
  attemptStartedAt: number;
  firstStartedAt: number | null;
  /** The handler has answered that a callback will come: until this engine time in ms. */
  pendingUntil: number | null;
  /** The attempt whose callback ended it, if one did. */
  callback: number | null;
  /** Back-off: not before this time; engine time in ms. */
  retryAt: number | null;
  error: StepError | null;
  state: 'open' | 'completed' | 'failed';
  /** Which sending of the step this is: a round of policy `retry`, or a retry by hand, is a new one. */
  readonly round: number;
}

export interface StepState {
  readonly plan: PlanStep;
  state: StepStateName;
  reason: StepReason | null;
  readonly tally: Tally;
  /** Its condition holds, its time has not come: engine time in ms. */
  wakeAt: number | null;
  /** Null until the step may be sent. */
  delivery: Delivery | null;
  startedAt: number | null;
  completedAt: number | null;
  /** How many steps of the run had ended before it did; null until it has. */
  endedOrder: number | null;
  /** How many steps had ended when it became ready: its requests carry those of them above it. */
  readyOrder: number;
  /** JSON text as it came. */
  result: string | null;
  error: StepError | null;
  compensation: Delivery | null;
}

export interface RunError {
  readonly code: string;
  readonly message: string;
  readonly stepId?: string | undefined;
  readonly details?: unknown;
}

export interface RunState {
  readonly plan: Plan;
  readonly runId: string;
  state: RunStateName;
  phase: RunPhase;
  createdAt: number;
  startedAt: number | null;
  completedAt: number | null;
  error: RunError | null;
  readonly steps: StepState[];
  /** Steps not yet in a final state. */
  unfinished: number;
  endedCount: number;
  /** Steps that are waiting or running. */
  active: number;
  /** Deliveries of steps with an exchange in flight. */
  openExchanges: number;
  /** Step indices in order of completion. */
  readonly completionOrder: number[];
  /** The step that holds the serial lane. */
  laneHolder: number | null;
  readonly laneQueue: IntHeap;
  /** Step indices still to compensate; the last one is next. */
  compensationsLeft: number[];
  /** What the run ends as once drained and compensated. */
  ending: 'failed' | 'cancelled' | null;
  /** The run is ending, nothing is in flight any more: its failure path may run. */
  isDrained: boolean;
  /** Rounds of policy `retry` that are over. */
  rounds: number;
  /** Steps whose failure waits for the next round. */
  readonly awaitingRound: number[];
  compensate: boolean;
  /** Nothing new is sent until it is resumed; clocks run on. */
  isPaused: boolean;
  hook: (Delivery & { readonly name: HookName; readonly url: string }) | null;
}

export function createRunState(plan: Plan, runId: string): RunState {
  return {
    plan,
    runId,
    state: 'pending',
    phase: 'waiting',
    createdAt: 0,
    startedAt: null,
    completedAt: null,
    error: null,
    steps: plan.steps.map(createStepState),
    unfinished: plan.steps.length,
    endedCount: 0,
    active: 0,
    openExchanges: 0,
    completionOrder: [],
    laneHolder: null,
    laneQueue: new IntHeap(),
    compensationsLeft: [],
    ending: null,
    isDrained: false,
    rounds: 0,
    awaitingRound: [],
    compensate: plan.definition.saga,
    isPaused: false,
    hook: null,
  };
}

function createStepState(plan: PlanStep): StepState {
  return {
    plan,
    state: 'pending',
    reason: null,
    tally: createTally(plan.dependencies.length),
    wakeAt: null,
    delivery: null,
    startedAt: null,
    completedAt: null,
    endedOrder: null,
    readyOrder: 0,
    result: null,
    error: null,
    compensation: null,
  };
}

/** A new round is a new delivery with a fresh budget, whose attempt numbers go on. */
export function createDelivery(kind: DeliveryKind, index: number, round = 0, attempts = 0): Delivery {
  return {
    kind,
    index,
    round,
    attempts,
    spent: 0,
    open: false,
    attemptStartedAt: 0,
    firstStartedAt: null,
    pendingUntil: null,
    callback: null,
    retryAt: null,
    error: null,
    state: 'open',
  };
}

export function isTerminal(state: RunStateName): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}

/** Every end of a step, whatever its cause, goes through here. */
export function endStep(
  state: RunState,
  step: StepState,
  outcome: 'completed' | 'failed' | 'skipped' | 'cancelled',
  at: number,
): void {
  if (step.state === 'waiting' || step.state === 'running') state.active--;
  step.wakeAt = null;
  step.state = outcome;
  step.completedAt = at;
  step.endedOrder = state.endedCount++;
  state.unfinished--;
}

export function hasEnded(step: StepState): boolean {
  return step.state !== 'pending' && step.state !== 'waiting' && step.state !== 'running';
}
