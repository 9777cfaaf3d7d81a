import type { DefinitionFault } from '@waybill/engine';
import type { Graph } from './graph.ts';
import type { ParsedStep } from './step-schema.ts';

interface Span {
  /** Seconds after the run's start, at the latest, requests taking none. */
  readonly start: number;
  readonly end: number;
}

/**
 * Delays, sleeps and waits that together are not over within the timeout of the workflow. Named at the first
 * step of a path where that is so.
 */
export function findTimeFaults(
  steps: readonly ParsedStep[],
  graph: Graph,
  timeout: number,
): DefinitionFault[] {
  const spans: Span[] = [];
  const faults: (DefinitionFault & { index: number })[] = [];
  for (const index of graph.order) {
    const step = steps[index]!;
    const ready = readyAt(
      step,
      graph.dependencies[index]!.map((dependency) => spans[dependency]!),
    );
    const start = Math.max(step.delay ?? 0, ready);
    const end = start + ownSeconds(step);
    spans[index] = { start, end };
    // Above a step that is too late everything is named already.
    if (end < timeout || ready >= timeout) continue;
    const isDelay = start >= timeout;
    const field = isDelay ? 'delay' : step.sleep === undefined ? 'waitFor' : 'sleep';
    faults.push({
      index,
      path: `steps[${index}].${field}`,
      message: tooLong(isDelay ? start : end, timeout),
    });
  }
  return faults.sort((a, b) => a.index - b.index).map(({ path, message }) => ({ path, message }));
}

/** When its condition holds, were all requests to take no time. */
function readyAt(step: ParsedStep, dependencies: readonly Span[]): number {
  if (dependencies.length === 0) return 0;
  if (step.runCondition === 'inProgress') return Math.min(...dependencies.map(({ start }) => start));
  const ends = dependencies.map(({ end }) => end).sort((a, b) => a - b);
  const { join } = step;
  const needed = join === 'any' ? 1 : typeof join === 'object' ? join.atLeast : ends.length;
  return ends[Math.min(needed, ends.length) - 1]!;
}

function ownSeconds({ sleep, waitFor, timeout }: ParsedStep): number {
  if (waitFor === undefined) return sleep ?? 0;
  return (typeof waitFor === 'string' ? undefined : waitFor.timeout) ?? timeout ?? 0;
}

function tooLong(seconds: number, timeout: number): string {
  const sum = Math.round(seconds * 1000) / 1000;
  return `with the delays, sleeps and waits above it not over before second ${sum} of the run, and the workflow's timeout is ${timeout} s: raise the timeout, or shorten them`;
}
