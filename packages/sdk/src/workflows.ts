import type { AddedStep, Duration, WorkflowDefinition } from './definition.ts';
import { ApiError } from './errors.ts';
import type { WorkflowEvent } from './event.ts';
import { createEvents, type EventsOptions } from './events.ts';
import type { QueryValue, Send } from './http.ts';
import type { Attempt, Page, PutWorkflow, RunState, RunStatus, RunSummary, StoredWorkflow } from './run.ts';
import type { Settings } from './settings.ts';
import { createWait, type WaitOptions } from './wait.ts';

export interface IdempotencyOptions {
  /** Two calls with the same key start one run, or are one command (24 h). Also makes the call safe to repeat, so it is. */
  readonly idempotencyKey?: string;
}

export interface StartInput {
  readonly context?: object;
  /** Default: the newest. */
  readonly version?: number;
  readonly tags?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** The run is pending for so long, and none of its clocks runs. */
  readonly delay?: Duration;
  /** Instead of `delay`: not before this time. As text ISO 8601. */
  readonly runAt?: string | Date;
}

/** Of many runs at once: all start, or none. */
export interface StartManyOptions extends IdempotencyOptions {
  /** Default: the newest. */
  readonly version?: number;
}

export interface PageFilter {
  /** 1 to 100. Default 25. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}

export interface RunFilter extends PageFilter {
  readonly workflow?: string;
  readonly state?: RunState;
  readonly tag?: string;
  readonly createdAfter?: Date | string;
  readonly createdBefore?: Date | string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface ValidationResult {
  readonly valid: boolean;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  /** What it may say and is likely to regret. */
  readonly warnings: readonly { readonly path: string; readonly message: string }[];
}

export interface CancelOptions {
  /** `false` leaves the completed steps of a saga as they are. */
  readonly compensate?: boolean;
  /** Shown as the run's error. */
  readonly reason?: string;
}

export interface SkipStepOptions {
  /** Kept in the run's journal. */
  readonly note?: string;
}

export interface CompleteStepOptions extends SkipStepOptions {
  /** Any JSON value. Default null. */
  readonly result?: unknown;
}

export interface RerunOptions {
  /** This step and what hangs from it only; what else had completed is taken over. Default: everything. */
  readonly fromStep?: string;
  /** Default: that of the first run. */
  readonly context?: object;
  /** Default: that of the first run. */
  readonly version?: number;
}

export interface ApprovalLink {
  readonly url: string;
  /** ISO 8601. */
  readonly expiresAt: string | null;
}

/** The command is stored and will be carried out. */
export interface CommandAccepted {
  readonly commandId: string;
}

/** Every method rejects with `ApiError` when the API refuses and with `NetworkError` when it cannot be reached. */
export interface Workflows {
  /** Stores the definition if it is new and starts a run of it with `context`. */
  create(definition: WorkflowDefinition, options?: IdempotencyOptions): Promise<RunStatus>;
  /** Stores the definition as the newest version of its key, without starting anything. */
  put(definition: WorkflowDefinition): Promise<PutWorkflow>;
  /** Checks a definition and names every fault; rejects only when the check itself could not be made. */
  validate(definition: WorkflowDefinition): Promise<ValidationResult>;
  /** Starts a run of a stored workflow. */
  start(key: string, input?: StartInput, options?: IdempotencyOptions): Promise<RunStatus>;
  /** Starts up to 1,000 runs: all of them, or none. Gives them in this order. */
  startMany(
    key: string,
    runs: readonly Omit<StartInput, 'version'>[],
    options?: StartManyOptions,
  ): Promise<readonly RunSummary[]>;
  /** Of a run id; a workflow key stands for its latest run. */
  getStatus(id: string): Promise<RunStatus>;
  /** Resolves when the run has completed, failed or been cancelled; rejects with `WaitTimeoutError` before that. */
  wait(id: string, options?: WaitOptions): Promise<RunStatus>;
  list(filter?: RunFilter): Promise<Page<RunSummary>>;
  /** Gives the run as the cancelling left it, or `{commandId}` when that takes longer than 5 s. */
  cancel(id: string, options?: CancelOptions & IdempotencyOptions): Promise<RunStatus | CommandAccepted>;
  /** Nothing new is sent until `resume`; what is open finishes, and timeouts run on. */
  pause(id: string, options?: IdempotencyOptions): Promise<RunStatus | CommandAccepted>;
  resume(id: string, options?: IdempotencyOptions): Promise<RunStatus | CommandAccepted>;
  /** Ends a step that has not ended; its dependents see a skip. */
  skipStep(
    id: string,
    stepId: string,
    options?: SkipStepOptions & IdempotencyOptions,
  ): Promise<RunStatus | CommandAccepted>;
  /** Ends a step that has not ended, with a result that its dependents see. */
  completeStep(
    id: string,
    stepId: string,
    options?: CompleteStepOptions & IdempotencyOptions,
  ): Promise<RunStatus | CommandAccepted>;
  /** Sends the failed steps of a failed run again, and what hangs from them. */
  retry(id: string, options?: IdempotencyOptions): Promise<RunStatus | CommandAccepted>;
  /** Sends the hook again that nobody accepted. */
  resendHook(
    id: string,
    kind: 'onComplete' | 'onError',
    options?: IdempotencyOptions,
  ): Promise<RunStatus | CommandAccepted>;
  /** Starts a new run that repeats this one; with `fromStep` this one must have ended. */
  rerun(id: string, options?: RerunOptions & IdempotencyOptions): Promise<RunStatus>;
  /** Adds steps to a run that has not ended, also from inside a handler; the same ones again change nothing. */
  addSteps(
    id: string,
    steps: readonly AddedStep[],
    options?: IdempotencyOptions,
  ): Promise<RunStatus | CommandAccepted>;
  /** Ends the first wait for this signal, or is kept for one to come. */
  signal(
    id: string,
    name: string,
    payload?: unknown,
    options?: IdempotencyOptions,
  ): Promise<RunStatus | CommandAccepted>;
  /** A link that lets whoever has it end this wait, as long as the run may take. */
  approvalLink(id: string, stepId: string): Promise<ApprovalLink>;
  attempts(id: string, stepId: string): Promise<Page<Attempt>>;
  /**
   * What happens in a run as it happens, from its first event to its end. Connects again by itself; throws
   * what the other methods reject with, or the reason of `signal`.
   */
  events(id: string, options?: EventsOptions): AsyncGenerator<WorkflowEvent, void>;
  /** The newest version of a stored workflow. */
  get(key: string): Promise<StoredWorkflow>;
  versions(key: string, filter?: PageFilter): Promise<Page<StoredWorkflow>>;
}

export function createWorkflows(send: Send, settings: Settings): Workflows {
  const wait = createWait(send, settings.runtime);
  const command = (path: string, { idempotencyKey, ...body }: IdempotencyOptions = {}) =>
    send<RunStatus | CommandAccepted>({ method: 'POST', path, body, idempotencyKey });

  return {
    create: (definition, options) =>
      send({ method: 'POST', path: '/v1/workflows', body: definition, ...options }),
    put: ({ context: _, ...definition }) =>
      send({ method: 'PUT', path: workflowPath(definition.id), body: definition }),
    validate: ({ context: _, ...definition }) => validate(send, definition),
    start: (key, input = {}, options = {}) =>
      send({ method: 'POST', path: `${workflowPath(key)}/runs`, body: input, ...options }),
    startMany: async (key, runs, { version, idempotencyKey } = {}) => {
      const path = `${workflowPath(key)}/runs/batch`;
      const body = { version, runs };
      return (await send<{ data: RunSummary[] }>({ method: 'POST', path, body, idempotencyKey })).data;
    },
    getStatus: (id) => send({ method: 'GET', path: runPath(id) }),
    wait,
    list: (filter = {}) => send({ method: 'GET', path: '/v1/runs', query: runQuery(filter) }),
    cancel: (id, options) => command(`${runPath(id)}/cancel`, options),
    pause: (id, options) => command(`${runPath(id)}/pause`, options),
    resume: (id, options) => command(`${runPath(id)}/resume`, options),
    skipStep: (id, stepId, options) => command(`${stepPath(id, stepId)}/skip`, options),
    completeStep: (id, stepId, options) => command(`${stepPath(id, stepId)}/complete`, options),
    retry: (id, options) => command(`${runPath(id)}/retry`, options),
    resendHook: (id, kind, options) => command(`${runPath(id)}/hooks/${kind}/resend`, options),
    rerun: (id, { idempotencyKey, ...body } = {}) =>
      send({ method: 'POST', path: `${runPath(id)}/rerun`, body, idempotencyKey }),
    addSteps: (id, steps, { idempotencyKey } = {}) =>
      send({ method: 'POST', path: `${runPath(id)}/steps`, body: { steps }, idempotencyKey }),
    signal: (id, name, payload = null, { idempotencyKey } = {}) =>
      send({
        method: 'POST',
        path: `${runPath(id)}/signals/${encodeURIComponent(name)}`,
        body: { payload },
        idempotencyKey,
      }),
    approvalLink: (id, stepId) =>
      send({ method: 'POST', path: `${stepPath(id, stepId)}/approval`, body: {} }),
    attempts: (id, stepId) => send({ method: 'GET', path: `${stepPath(id, stepId)}/attempts` }),
    events: createEvents(settings),
    get: (key) => send({ method: 'GET', path: workflowPath(key) }),
    versions: (key, { limit, cursor } = {}) =>
      send({ method: 'GET', path: `${workflowPath(key)}/versions`, query: { limit, cursor } }),
  };
}

async function validate(send: Send, body: Omit<WorkflowDefinition, 'context'>): Promise<ValidationResult> {
  try {
    const path = '/v1/workflows/validate';
    const answer = await send<Partial<ValidationResult> | undefined>({ method: 'POST', path, body });
    return { valid: true, errors: [], warnings: answer?.warnings ?? [] };
  } catch (error) {
    if (error instanceof ApiError && error.status === 422)
      return { valid: false, errors: error.errors, warnings: [] };
    throw error;
  }
}

function workflowPath(key: string): string {
  return `/v1/workflows/${encodeURIComponent(key)}`;
}

function runPath(id: string): string {
  return `/v1/runs/${encodeURIComponent(id)}`;
}

function stepPath(id: string, stepId: string): string {
  return `${runPath(id)}/steps/${encodeURIComponent(stepId)}`;
}

function runQuery({ createdAfter, createdBefore, metadata = {}, ...rest }: RunFilter) {
  const query: Record<string, QueryValue> = {
    ...rest,
    createdAfter: timeText(createdAfter),
    createdBefore: timeText(createdBefore),
  };
  for (const [name, value] of Object.entries(metadata)) query[`metadata.${name}`] = value;
  return query;
}

function timeText(time: Date | string | undefined): string | undefined {
  return time instanceof Date ? time.toISOString() : time;
}
