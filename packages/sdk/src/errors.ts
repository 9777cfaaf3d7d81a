import type { AddedStep } from './definition.ts';

/** Base of every error this package throws. `code` is stable: branch on it, not on the message. */
export class WaybillError extends Error {
  override readonly name: string = 'WaybillError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A setting or an argument is missing or unusable: `missing_api_key`, `invalid_api_key`, `invalid_url`,
 * `missing_signing_secret`, `invalid_signing_secret`, `invalid_timeout`, `invalid_callback_url`, `body_already_read`.
 */
export class ConfigError extends WaybillError {
  override readonly name = 'ConfigError';
}

/** No answer came: `network_error` or `request_timeout`. The request may have been carried out all the same. */
export class NetworkError extends WaybillError {
  override readonly name = 'NetworkError';
}

export interface ApiErrorDetails {
  /** Status of the answer. */
  readonly status: number;
  /** The problem's `code`, or `http_<status>` when the answer was not problem+json, or `invalid_answer`. */
  readonly code: string;
  readonly detail: string;
  /** Every fault of the request, with the path to it. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly requestId?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/** The API refused, in the words of its RFC 9457 answer. */
export class ApiError extends WaybillError {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly detail: string;
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor({ status, code, detail, errors = [], requestId, retryAfterSeconds }: ApiErrorDetails) {
    const faults = errors.map(({ path, message }) => `\n  ${path}: ${message}`).join('');
    super(code, `${detail} (${status} ${code})${faults}`);
    this.status = status;
    this.detail = detail;
    this.errors = errors;
    this.requestId = requestId;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** `wait` gave up (`wait_timeout`). The run goes on. */
export class WaitTimeoutError extends WaybillError {
  override readonly name = 'WaitTimeoutError';
  readonly runId: string;
  /** The state the run was last seen in. */
  readonly state: string;

  constructor(run: { id: string; state: string }, timeoutSeconds: number) {
    super('wait_timeout', `run ${run.id} was still ${run.state} after ${timeoutSeconds} s`);
    this.runId = run.id;
    this.state = run.state;
  }
}

export interface JobErrorOptions {
  /** Shown as the code of the step's error. */
  readonly code?: string;
  readonly cause?: unknown;
  /** Steps to add to the run although this one fails: `runCondition: 'onFailure'` runs them then. */
  readonly addSteps?: readonly AddedStep[];
}

/** Thrown in a job handler: the step fails for good, without another attempt. */
export class PermanentError extends WaybillError {
  override readonly name = 'PermanentError';
  readonly addSteps: readonly AddedStep[] | undefined;

  constructor(message: string, { code = 'permanent_error', cause, addSteps }: JobErrorOptions = {}) {
    super(code, message, { cause });
    this.addSteps = addSteps;
  }
}

export interface RetryableErrorOptions extends JobErrorOptions {
  /** Seconds. */
  readonly retryAfter?: number;
}

/** Thrown in a job handler: the attempt fails, and the next one waits at least `retryAfter` seconds. */
export class RetryableError extends WaybillError {
  override readonly name = 'RetryableError';
  readonly retryAfter: number | undefined;
  readonly addSteps: readonly AddedStep[] | undefined;

  constructor(message: string, options: RetryableErrorOptions = {}) {
    super(options.code ?? 'retryable_error', message, { cause: options.cause });
    this.retryAfter = options.retryAfter;
    this.addSteps = options.addSteps;
  }
}
