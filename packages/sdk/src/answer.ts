import type { AddedStep } from './definition.ts';
import { PermanentError, RetryableError } from './errors.ts';

/**
 * The answer of a handler that will report its outcome later: 202 with `waybill-callback: pending`.
 * A job handler may return it in place of a result. The step then waits, until its timeout, for
 * `callbacks.complete` or `callbacks.fail` with the `callback.url` of its request.
 */
export function pending(): Response {
  return json({ status: 202, headers: { 'waybill-callback': 'pending' } }, { pending: true });
}

export interface CompletedOptions {
  /** Of the step's direct dependents only these run. */
  readonly next?: readonly string[];
  /** Steps to add to the run; those without `parent` and `dependsOn` depend on this one. */
  readonly addSteps?: readonly AddedStep[];
}

/** The answer of a handler that says more than its result: which branch to take, or which steps to add. */
export function completed(result: unknown, { next, addSteps }: CompletedOptions = {}): Response {
  return json({ status: 200 }, { success: true, result: result ?? null, next, addSteps });
}

export function successAnswer(result: unknown): Response {
  return json({ status: 200 }, { success: true, result: result ?? null });
}

/** What a throw means to Waybill. Of an error `message` and `code` leave the process, never a stack or a cause. */
export function failureAnswer(thrown: unknown): Response {
  if (thrown instanceof PermanentError) {
    const { message, code, addSteps } = thrown;
    return json({ status: 200 }, { success: false, retryable: false, error: { message, code }, addSteps });
  }
  if (thrown instanceof RetryableError) return retryableAnswer(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return json({ status: 500 }, { success: false, error: { message } });
}

function retryableAnswer({ message, code, retryAfter, addSteps }: RetryableError): Response {
  // The header knows whole seconds only; rounding up keeps it a lower bound.
  const headers: Record<string, string> =
    retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter)) };
  const body = { success: false, retryable: true, retryAfter, error: { message, code }, addSteps };
  return json({ status: 503, headers }, body);
}

export interface ProblemAnswer {
  readonly status: number;
  readonly title: string;
  readonly code: string;
  readonly detail: string;
  readonly headers?: Record<string, string>;
}

/** RFC 9457, for requests that never reach the job. */
export function problemAnswer({ headers = {}, ...problem }: ProblemAnswer): Response {
  const type = { 'content-type': 'application/problem+json' };
  return json(
    { status: problem.status, headers: { ...headers, ...type } },
    { type: 'about:blank', ...problem },
  );
}

function json(init: { status: number; headers?: Record<string, string> }, body: unknown): Response {
  const headers = { 'content-type': 'application/json', ...init.headers };
  return new Response(JSON.stringify(body), { status: init.status, headers });
}
