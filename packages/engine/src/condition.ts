import type { StepDefinition } from './definition.ts';

/** How a dependency ended, as its dependents see it. */
export type Ending =
  | 'succeeded'
  | 'failed'
  /** Failed under policy `continue`: satisfies a plain dependent, fires failure modes, is no success. */
  | 'forgiven'
  | 'cancelled'
  /** Its own condition did not hold, or its branch was not taken. */
  | 'skipped'
  /** A failure above made it impossible. */
  | 'blocked';

/** What a step knows of its dependencies. */
export interface Tally {
  /** Not ended yet. */
  open: number;
  started: number;
  readonly ended: Record<Ending, number>;
}

export type Mode =
  | 'onSuccess'
  | 'always'
  | 'partial'
  | 'onFailure'
  | 'onCancelled'
  | 'onFailureOrCancelled'
  | 'onAnyCompleted'
  | 'inProgress'
  | 'join';

export interface Condition {
  readonly mode: Mode;
  /** For `join`: successes needed. */
  readonly atLeast: number;
}

export type Verdict = 'wait' | 'run' | 'skip' | 'block';

export function conditionOf(step: StepDefinition): Condition {
  if (step.join !== undefined) return { mode: 'join', atLeast: step.join };
  const mode = step.allowPartialDependencies ? 'partial' : (step.runCondition ?? 'onSuccess');
  return { mode, atLeast: 0 };
}

export function createTally(dependencies: number): Tally {
  const ended = { succeeded: 0, failed: 0, forgiven: 0, cancelled: 0, skipped: 0, blocked: 0 };
  return { open: dependencies, started: 0, ended };
}

/** The table of semantics.md, "When a step may start". */
export function judge({ mode, atLeast }: Condition, { open, started, ended }: Tally): Verdict {
  if (mode === 'join') {
    if (ended.succeeded >= atLeast) return 'run';
    return ended.succeeded + open < atLeast ? 'block' : 'wait';
  }
  if (mode === 'inProgress' && started > 0) return 'run';
  if (open > 0) return 'wait';
  const failures = ended.failed + ended.forgiven;
  switch (mode) {
    case 'onSuccess':
      if (ended.failed + ended.cancelled + ended.blocked > 0) return 'block';
      return ended.succeeded + ended.forgiven > 0 ? 'run' : 'skip';
    case 'always':
      return 'run';
    case 'partial':
      return ended.succeeded > 0 ? 'run' : 'skip';
    case 'onFailure':
      return failures > 0 ? 'run' : 'skip';
    case 'onCancelled':
      return ended.cancelled > 0 ? 'run' : 'skip';
    case 'onFailureOrCancelled':
      return failures + ended.cancelled > 0 ? 'run' : 'skip';
    case 'onAnyCompleted':
      return ended.skipped + ended.blocked === 0 ? 'run' : 'skip';
    case 'inProgress':
      return 'skip';
  }
}

/** Modes that still apply once the run has failed. */
const failureModes: ReadonlySet<Mode> = new Set<Mode>([
  'always',
  'partial',
  'onFailure',
  'onCancelled',
  'onFailureOrCancelled',
  'onAnyCompleted',
]);

/** Modes that still apply once the run was cancelled. */
const cancelModes: ReadonlySet<Mode> = new Set<Mode>([
  'always',
  'onCancelled',
  'onFailureOrCancelled',
  'onAnyCompleted',
]);

export const isFailureMode = (mode: Mode): boolean => failureModes.has(mode);
export const isCancelMode = (mode: Mode): boolean => cancelModes.has(mode);
