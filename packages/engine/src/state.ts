import type { Delivery, HookName } from './delivery.ts';
import { IntHeap } from './heap.ts';
import { defaultEngineLimits, type EngineLimits } from './limits.ts';
import type { OwnPlan, Plan } from './plan.ts';
import type { RoundEnd } from './round-end.ts';
import { createStepState, type StepState } from './step-state.ts';

/**
 * Who moves a run next (`state-diagram.test.ts` holds this and the code together):
 *
 *     pending ──claimed by a dispatcher────────────────────────────────▶ running
 *             ──cancel, quarantine─────────────────────────────────────▶ cancelled | failed
 *     running ──its last step ended, no round of policy `retry` due────▶ completed
 *             ──a step failed: drained, failure path, compensated──────▶ failed
 *             ──its timeout: compensated; quarantine: at once──────────▶ failed
 *             ──cancel: failure path, compensated──────────────────────▶ cancelled
 *     failed  ──retried by hand────────────────────────────────────────▶ running
 *
 * - `pending`: the dispatcher that claims it first.
 * - `running`: answers of handlers, callbacks, timers, and commands from outside.
 * - `completed`, `cancelled`: nobody; its hooks are still delivered (phase `hooks`).
 * - `failed`: a person, by `retry`.
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
 *             ──by hand, or copied from the run that this one repeats──▶ completed | skipped
 *     waiting ──first send, its own or of an instance──────────────────▶ running
 *             ──slept, signalled, given its default, nothing to send───▶ completed
 *             ──its `when` is false; the run fails: cut off────────────▶ skipped
 *             ──the run fails: judged again once it has drained────────▶ pending
 *             ──cancel, timeout of the run─────────────────────────────▶ cancelled
 *             ──an expression or a signal that failed it, a lost round─▶ failed
 *             ──by hand────────────────────────────────────────────────▶ completed | skipped
 *     running ──its last answer or callback, the end of its child run──▶ completed | failed
 *             ──cancel; timeout of the run─────────────────────────────▶ cancelled | failed
 *             ──by hand────────────────────────────────────────────────▶ completed | skipped
 *     failed    ──a round of policy `retry`; the run retried by hand───▶ waiting | pending
 *     skipped   ──the run retried by hand──────────────────────────────▶ waiting | pending
 *     cancelled ──the run retried by hand──────────────────────────────▶ waiting | pending
 *
 * - `pending`: the end of a dependency, or its start (`inProgress`).
 * - `waiting`: the clock (`delay`, `runAt`, `sleep`), a signal, the serial lane, a place among the instances of a
 *   `forEach`, a free socket, or the end of a pause.
 * - `running`: the handler's answer or callback, the end of its child run or of its instances, the back-off timer,
 *   the attempt's timeout.
 * - `failed`: nobody, unless it awaits a round: then the end of the last step that is waiting or running.
 * - `completed`: nobody. `failed`, `skipped`, `cancelled` in a run that failed: a person, by `retry`.
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
  /** An instance that was not sent, because too many others had failed. */
  | 'too_many_failures'
  | 'run_failed'
  | 'run_timeout'
  | 'run_cancelled';

export interface RunError {
  readonly code: string;
  readonly message: string;
  readonly stepId?: string | undefined;
  readonly details?: unknown;
}

export interface RunState {
  /** Shared with other runs, until steps are added to this one. */
  plan: Plan;
  /** `plan`, once it is this run's own. */
  ownPlan: OwnPlan | null;
  readonly runId: string;
  /** Of the process that drives the run. */
  readonly limits: EngineLimits;
  /** JSON text; expressions read it. */
  readonly context: string;
  /** Whose step this run is, and which run it repeats. */
  parent: ParentLink | null;
  rerunOf: string | null;
  state: RunStateName;
  phase: RunPhase;
  createdAt: number;
  /** A delayed start: pending until then; engine time in ms. */
  startAt: number | null;
  startedAt: number | null;
  /** From when the timeout counts: the start, or the latest retry by hand. */
  clockFrom: number | null;
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
  /** Of these, sub-workflow steps. */
  openChildren: number;
  /**
   * Steps for `conclude` to look at: their condition holds and `when` or `forEach` is to be evaluated, their time
   * has come and they begin to sleep or to wait, a signal is there for them, or all their instances have ended.
   */
  readonly toJudge: Map<number, 'condition' | 'beginning' | 'signal' | 'end'>;
  /** Steps that wait for a signal. */
  readonly openWaits: Set<number>;
  /** Signals that no wait has taken, oldest first: by `signal:<name>`, or `step:<id>` when meant for one. */
  readonly signals: Map<string, string[]>;
  signalCount: number;
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
  /** Rounds before the latest retry by hand. */
  roundsBefore: number;
  /** Steps with a `forEach` some of whose instances have just ended. */
  readonly touchedGroups: Set<number>;
  /** Steps that failed as losers of joins that could still be met. */
  absorbed: number[];
  /** A join can no longer be met: what it absorbed is looked at again. */
  hasBlockedJoin: boolean;
  /** One of each end of the run that has a URL for it, in order: a retry by hand leads to another end. */
  readonly hooks: Hook[];
}

/** Its `round` is its place among the hooks of the run. */
export type Hook = Delivery & {
  readonly name: HookName;
  readonly url: string;
  /** Set by a retry by hand before it was accepted; else the state itself is how the run ended. */
  ended: RoundEnd | null;
};

export interface ParentLink {
  /** Run id. */
  readonly run: string;
  readonly step: string;
  readonly round: number;
  /** 1 for a child of a run that is nobody's child. */
  readonly depth: number;
}

export function createRunState(
  plan: Plan,
  runId: string,
  context = '{}',
  limits = defaultEngineLimits,
): RunState {
  return {
    plan,
    ownPlan: null,
    runId,
    limits,
    context,
    parent: null,
    rerunOf: null,
    state: 'pending',
    phase: 'waiting',
    createdAt: 0,
    startAt: null,
    startedAt: null,
    clockFrom: null,
    completedAt: null,
    error: null,
    steps: plan.steps.map((step) => createStepState(step)),
    unfinished: plan.steps.length,
    endedCount: 0,
    active: 0,
    openExchanges: 0,
    openChildren: 0,
    toJudge: new Map(),
    openWaits: new Set(),
    signals: new Map(),
    signalCount: 0,
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
    roundsBefore: 0,
    touchedGroups: new Set(),
    absorbed: [],
    hasBlockedJoin: false,
    hooks: [],
  };
}

export function isTerminal(state: RunStateName): boolean {
  return state === 'completed' || state === 'failed' || state === 'cancelled';
}
