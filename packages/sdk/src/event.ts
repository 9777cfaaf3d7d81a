import type { StepError } from './run.ts';

interface OfRun {
  /** Place in the run's journal, counted from 1. A step's end and its `step.slow` share one. */
  readonly seq: number;
  /** ISO 8601 UTC. */
  readonly at: string;
  readonly runId: string;
  readonly workflowId: string;
  /** Name of the project. */
  readonly namespace: string;
}

interface OfStep extends OfRun {
  readonly step: string;
}

interface OfStepEnd extends OfStep {
  /** From the start of the first attempt, waits between included; 0 for a step that never started. */
  readonly durationMs: number;
}

export interface StepCompletedEvent extends OfStepEnd {
  /** `step.passed`: completed by hand. */
  readonly type: 'step.completed' | 'step.passed';
  readonly result: unknown;
}

export interface StepFailedEvent extends OfStepEnd {
  readonly type: 'step.failed';
  readonly error: StepError;
}

/** Skipped by hand. A skip that follows from how other steps ended is part of their events. */
export interface StepSkippedEvent extends OfStepEnd {
  readonly type: 'step.skipped';
}

/** Comes behind the completion of a step that took longer than its `slowAfter`. */
export interface StepSlowEvent extends OfStepEnd {
  readonly type: 'step.slow';
  readonly slowAfterMs: number;
}

/** Anything else in the journal. A newer server may know more. */
export interface OtherEvent extends OfRun {
  readonly type: 'step.woken' | `${'run' | 'attempt' | 'compensation' | 'hook' | 'command'}.${string}`;
  readonly step?: string;
  readonly delivery?: 'step' | 'compensation' | 'hook';
  readonly attempt?: number;
  /** HTTP status of an answer. */
  readonly status?: number;
  readonly error?: StepError & { readonly stepId?: string };
  readonly [member: string]: unknown;
}

/** One row of a run's journal, as `events` gives it. */
export type WorkflowEvent =
  | StepCompletedEvent
  | StepFailedEvent
  | StepSkippedEvent
  | StepSlowEvent
  | OtherEvent;
