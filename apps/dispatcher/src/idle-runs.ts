import { type Delivery, decide, dueDeliveries, openDeliveries, type RunState, wakes } from '@waybill/engine';
import { suspectClaims } from '@waybill/store';
import type { OwnedRun } from './owned-runs.ts';

export interface ParkedRun {
  readonly run: OwnedRun;
  /** Engine time in ms at which it is ready again. */
  readonly untilMs: number;
}

export interface ParkingView {
  readonly nowMs: number;
  readonly monotonicMs: number;
  /** Runs wait for a place: what could be parked is not kept for convenience. */
  readonly isShort: boolean;
}

/** Idle for so long, and for so much longer: a run is not kept in memory. Loading it again costs about 1 ms. */
const idleMs = 60_000;
/** When memory is short, or for a suspect. */
const pauseMsMin = 5_000;
/** Claimed so much sooner that its own timers find the time. */
const leadMs = 1_000;
/** Nothing is parked for longer: a look once a day makes good whatever was overlooked. */
const parkedMsMax = 86_400_000;

/** The runs that may wait in the database, those that have been idle for longest first. */
export function chooseParked(runs: Iterable<OwnedRun>, view: ParkingView): ParkedRun[] {
  const { nowMs, monotonicMs, isShort } = view;
  const chosen: ParkedRun[] = [];
  for (const run of runs) {
    // One that only waits kills nobody, and keeps the others that are under suspicion from being driven.
    const isUrgent = isShort || run.claims === suspectClaims;
    if (run.unsettled > 0 || (!isUrgent && monotonicMs - run.activeAtMs < idleMs)) continue;
    const { state } = run.driver;
    if (!isAtRest(state)) continue;
    const wakeAt = Math.min(leastDeadline(state, nowMs) - leadMs, nowMs + parkedMsMax);
    if (wakeAt - nowMs < (isUrgent ? pauseMsMin : idleMs)) continue;
    chosen.push({ run, untilMs: Math.floor(wakeAt) });
  }
  return chosen.sort((a, b) => a.run.activeAtMs - b.run.activeAtMs);
}

/** Nothing is in flight. What waits for a callback is not: the answer comes through the inbox. */
function isAtRest(state: RunState): boolean {
  const isPending = state.startedAt === null && (state.startAt === null || state.state !== 'pending');
  if (isPending || state.phase === 'done') return false;
  return openDeliveries(state).every((delivery) => delivery.isPending);
}

/** Engine time in ms at which the run needs a look although nobody speaks to it; infinite when only that helps. */
export function leastDeadline(state: RunState, nowMs: number): number {
  const dueAt = (delivery: Delivery) => delivery.retryAt ?? nowMs;
  let least = timeoutOf(state, nowMs);
  if (state.state === 'pending' && state.startAt !== null) least = state.startAt;
  for (const delivery of dueDeliveries(state)) least = Math.min(least, dueAt(delivery));
  for (const { at } of wakes(state)) least = Math.min(least, at);
  return least;
}

/** A timeout that would be rejected, because the run is ending already, is none. */
function timeoutOf(state: RunState, nowMs: number): number {
  if (state.clockFrom === null || 'rejection' in decide(state, { type: 'timeOut' }, nowMs)) {
    return Number.POSITIVE_INFINITY;
  }
  return state.clockFrom + state.plan.timeoutMs;
}
