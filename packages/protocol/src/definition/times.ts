import { type DefinitionFault, hasEnded, type RunState, type StepState } from '@waybill/engine';
import type { Graph } from './graph.ts';
import type { ParsedStep } from './step-schema.ts';

/** What of a step takes time by itself; lengths in seconds. */
export interface Timed {
  readonly delay?: number | undefined;
  readonly sleep?: number | undefined;
  /** How long it waits for its signal. */
  readonly wait?: number | undefined;
  readonly isInProgress: boolean;
  /** Dependencies that must have ended; all when absent. */
  readonly needed?: number | undefined;
  /** When it came to be, in seconds after the run's start; 0 when absent. */
  readonly from?: number | undefined;
  /** It has ended by then. */
  readonly endedAt?: number | undefined;
}

interface Span {
  /** Seconds after the run's start, at the latest, requests taking none. */
  readonly start: number;
  readonly end: number;
}

/**
 * Delays, sleeps and waits that together take longer than the timeout of the workflow, in seconds. Named at the first
 * step of a path where that is so, among the first `judged` of the steps.
 */
export function findTimeFaults(
  steps: readonly Timed[],
  graph: Graph,
  timeout: number,
  judged = steps.length,
): DefinitionFault[] {
  const spans: Span[] = [];
  const faults: (DefinitionFault & { index: number })[] = [];
  for (const index of graph.order) {
    const step = steps[index]!;
    const { from = 0, endedAt } = step;
    const above = graph.dependencies[index]!.map((dependency) => spans[dependency]!);
    const ready = endedAt ?? Math.max(from, readyAt(step, above));
    const start = endedAt ?? Math.max(from + (step.delay ?? 0), ready);
    const end = endedAt ?? start + (step.wait ?? step.sleep ?? 0);
    spans[index] = { start, end };
    // Below a step that is too late everything is named already.
    if (index >= judged || end <= timeout || ready > timeout) continue;
    const isDelay = start > timeout;
    const field = isDelay ? 'delay' : step.wait === undefined ? 'sleep' : 'waitFor';
    faults.push({
      index,
      path: `steps[${index}].${field}`,
      message: tooLong(isDelay ? start : end, timeout),
    });
  }
  return faults.sort((a, b) => a.index - b.index).map(({ path, message }) => ({ path, message }));
}

/** When its condition holds, were all requests to take no time. */
function readyAt({ isInProgress, needed }: Timed, dependencies: readonly Span[]): number {
  if (dependencies.length === 0) return 0;
  if (isInProgress) return Math.min(...dependencies.map(({ start }) => start));
  const ends = dependencies.map(({ end }) => end).sort((a, b) => a - b);
  return ends[Math.min(needed ?? ends.length, ends.length) - 1]!;
}

export function timedOf({ delay, sleep, waitFor, timeout, runCondition, join }: ParsedStep): Timed {
  const waits = waitFor !== undefined;
  const own = typeof waitFor === 'object' ? waitFor.timeout : undefined;
  return {
    delay,
    sleep,
    wait: waits ? (own ?? timeout ?? 0) : undefined,
    isInProgress: runCondition === 'inProgress',
    needed: join === 'any' ? 1 : typeof join === 'object' ? join.atLeast : undefined,
  };
}

/** A step of a run, `elapsed` seconds after its start. */
export function timedInRun(run: RunState, step: StepState, elapsed: number): Timed {
  const { delay, sleep, waitFor, runCondition, join } = step.plan.definition;
  const { bornAt } = step;
  return {
    delay,
    sleep,
    wait: waitFor === undefined ? undefined : (waitFor.timeout ?? 0),
    isInProgress: runCondition === 'inProgress',
    needed: join,
    from: bornAt === null ? 0 : Math.max(0, (bornAt - (run.clockFrom ?? bornAt)) / 1000),
    endedAt: hasEnded(step) ? elapsed : undefined,
  };
}

function tooLong(seconds: number, timeout: number): string {
  const sum = Math.round(seconds * 1000) / 1000;
  return `with the delays, sleeps and waits above it not over before second ${sum} of the run, and the workflow's timeout is ${timeout} s: raise the timeout, or shorten them`;
}
