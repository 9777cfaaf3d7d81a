import type { RunCondition, StepDefinition } from '../src/index.ts';

/**
 * How a dependency ended, in the letters of semantics.md: Succeeded, Failed, Cancelled, sKipped, Blocked; `f` is a
 * failure under policy `continue`.
 */
export type End = 'S' | 'F' | 'f' | 'C' | 'K' | 'B';

/** What a step sees of one dependency. */
export interface Seen {
  readonly end: End | null;
  readonly wasSent: boolean;
}

export type Fate = 'run' | 'wait' | 'skipped' | 'blocked';
type Condition = RunCondition | 'partial' | 'join';

export function conditionNameOf({ join, allowPartialDependencies, runCondition }: StepDefinition): Condition {
  if (join !== undefined) return 'join';
  return allowPartialDependencies ? 'partial' : (runCondition ?? 'onSuccess');
}

/** "When a step may start" of semantics.md, read off the list of dependencies. */
export function fateOf(step: StepDefinition, seen: readonly Seen[]): Fate {
  const ends = seen.map(({ end }) => end ?? '.').join('');
  const condition = conditionNameOf(step);
  if (condition === 'join') {
    const stillPossible = ends.replaceAll(/[^S.]/g, '').length;
    const successes = ends.replaceAll(/[^S]/g, '').length;
    if (successes >= step.join!) return 'run';
    return stillPossible >= step.join! ? 'wait' : 'blocked';
  }
  if (condition === 'inProgress' && seen.some(({ wasSent }) => wasSent)) return 'run';
  if (ends.includes('.')) return 'wait';
  if (ends === '') return 'run';
  if (condition === 'onSuccess' && /[FCB]/.test(ends)) return 'blocked';
  return runsOn[condition].test(ends) ? 'run' : 'skipped';
}

/** What the ends of all dependencies must look like. */
const runsOn: Record<Exclude<Condition, 'join'>, RegExp> = {
  onSuccess: /[Sf]/,
  always: /^/,
  partial: /S/,
  onFailure: /[Ff]/,
  onCancelled: /C/,
  onFailureOrCancelled: /[FfC]/,
  onAnyCompleted: /^[SFfC]+$/,
  inProgress: /(?!)/,
};

/** Steps that a failing run still runs: of a mode that is not cut off, or onSuccess below such steps alone. */
export function failurePathOf(steps: readonly StepDefinition[]): Set<string> {
  const path = new Set(steps.filter((step) => !isCutOff(step)).map(({ id }) => id));
  for (let size = -1; size !== path.size; ) {
    size = path.size;
    for (const { id, dependsOn, ...step } of steps) {
      const isPlain = conditionNameOf({ id, dependsOn, ...step }) === 'onSuccess' && dependsOn.length > 0;
      if (isPlain && dependsOn.every((above) => path.has(above))) path.add(id);
    }
  }
  return path;
}

const isCutOff = (step: StepDefinition) =>
  ['onSuccess', 'join', 'inProgress'].includes(conditionNameOf(step));

export const runsAfterCancel = (step: StepDefinition) =>
  ['always', 'onCancelled', 'onFailureOrCancelled', 'onAnyCompleted'].includes(conditionNameOf(step));
