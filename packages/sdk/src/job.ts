import type { ContextOf, StepIdOf, WorkflowDefinition } from './definition.ts';
import type { StepError, StepState } from './run.ts';

/** How an earlier step ended, as a later one sees it. */
export interface PreviousStep<Result = unknown> {
  readonly state: StepState;
  readonly success: boolean;
  readonly result: Result;
  readonly error: StepError | null;
  readonly attempts: number;
  readonly startedAt: string | null;
  readonly completedAt: string | null;
}

/**
 * All ancestors of the step that have ended, by id. With known ids each may be absent: which are there
 * depends on the step that is being run.
 */
export type PreviousSteps<StepId extends string, Results extends object> = string extends StepId
  ? Readonly<Record<string, PreviousStep>>
  : { readonly [Id in StepId]?: PreviousStep<Id extends keyof Results ? Results[Id] : unknown> };

/** What a job knows of its workflow when no type is given. */
export type AnyWorkflow = WorkflowDefinition<string, Record<string, unknown>>;

export interface JobRun {
  readonly id: string;
  readonly workflowId: string;
  readonly version: number;
  readonly startedAt: string;
}

export interface JobStep {
  readonly id: string;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Seconds. */
  readonly timeout: number;
  /** When this attempt is given up; ISO 8601. */
  readonly deadline: string;
  /** Of an instance of a `forEach`: its item, and its place in the list from 0. */
  readonly item?: unknown;
  readonly index?: number;
}

/** Where this attempt may be answered later (`pending()`, `callbacks`). Whoever has the URL may answer. */
export interface JobCallback {
  readonly url: string;
  /** When this attempt is given up, unless a heartbeat comes; ISO 8601. */
  readonly expiresAt: string;
}

/** The request of a step, a compensation or a hook, verified and parsed. */
export interface JobInput<W extends WorkflowDefinition = AnyWorkflow, Results extends object = object> {
  readonly context: Readonly<ContextOf<W>>;
  readonly previousSteps: PreviousSteps<StepIdOf<W>, Results>;
  readonly payload: unknown;
  /** Absent in a hook. */
  readonly step: JobStep;
  readonly run: JobRun;
  /** Absent in a compensation and in a hook. */
  readonly callback?: JobCallback;
  /** Of the steps below this one that wait for a signal: links for a person to give it. Whoever has one may. */
  readonly approvals?: Readonly<Record<string, { readonly url: string }>>;
  /** Absent for a step; `compensation` or `workflow.completed`, `workflow.failed`, `workflow.cancelled`. */
  readonly type?: string;
  /** In a compensation: the result to undo. */
  readonly result?: unknown;
  /** In a compensation and in onError: why the run failed. */
  readonly error?: StepError | null;
  /** The request itself, for its headers; its body has been read. */
  readonly request: Request;
}

/** Gives the step's result, any JSON value; `undefined` becomes null. A `Response` is passed on as it is. */
export type Job<W extends WorkflowDefinition = AnyWorkflow, Results extends object = object> = (
  input: JobInput<W, Results>,
) => unknown;

export type WebHandler = (request: Request) => Promise<Response>;
