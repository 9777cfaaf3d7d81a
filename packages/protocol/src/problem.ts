import type { Limit } from '@waybill/engine';

/** Stable codes of API errors, with their HTTP status. */
export const problemStatus = {
  invalid_json: 400,
  invalid_request: 422,
  invalid_definition: 422,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  unsupported_media_type: 415,
  payload_too_large: 413,
  context_too_large: 413,
  result_too_large: 413,
  idempotency_key_reused: 409,
  run_ended: 409,
  run_ending: 409,
  step_not_open: 409,
  step_ended: 409,
  step_conflict: 409,
  unknown_step: 404,
  invalid_steps: 422,
  too_many_signals: 429,
  run_state_too_large: 413,
  too_many_commands: 429,
  too_many_runs: 429,
  run_not_failed: 409,
  run_not_ended: 409,
  schedule_exists: 409,
  too_many_schedules: 422,
  unknown_hook: 404,
  hook_not_failed: 409,
  already_compensated: 409,
  callback_expired: 410,
  request_timeout: 408,
  too_many_requests: 429,
  unavailable: 503,
  too_many_streams: 503,
  too_many_starts: 503,
  too_many_waits: 503,
  internal_error: 500,
} as const;

export type ProblemCode = keyof typeof problemStatus;

export interface ProblemError {
  readonly path: string;
  readonly message: string;
  readonly limit?: Limit | undefined;
}

export interface ProblemOptions {
  readonly errors?: readonly ProblemError[];
  readonly retryAfterSeconds?: number;
  readonly limit?: Limit | undefined;
  /** Of `method_not_allowed`: the methods that are. */
  readonly allow?: readonly string[];
  readonly cause?: unknown;
}

/** Thrown inside the API, answered as RFC 9457. `detail` is for the client: no secrets, no internals. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly errors: readonly ProblemError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** The bound that the request is above; of several faults, that of the first which is above one. */
  readonly limit: Limit | undefined;
  readonly allow: readonly string[] | undefined;

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.name = 'Problem';
    this.code = code;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.allow = options.allow;
    this.limit = options.limit ?? options.errors?.find(({ limit }) => limit !== undefined)?.limit;
  }

  get status(): (typeof problemStatus)[ProblemCode] {
    return problemStatus[this.code];
  }
}
