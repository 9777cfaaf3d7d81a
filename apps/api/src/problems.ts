import { Problem, type ProblemCode } from '@waybill/protocol';
import { sqlState } from '@waybill/store';
import type { Context, ErrorHandler, NotFoundHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { AllowedMethods } from './allowed-methods.ts';
import type { ApiDeps, ApiEnv } from './deps.ts';

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** RFC 9457. Internals never reach the client: they go to the log, under the same request id. */
export function problemResponse(c: Context<ApiEnv>, problem: Problem): Response {
  const headers = problemHeaders(problem);
  return c.body(problemText(problem, c.get('requestId')), problem.status, headers);
}

export function problemHeaders(problem: Problem): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': 'application/problem+json' };
  if (problem.retryAfterSeconds !== undefined) headers['retry-after'] = String(problem.retryAfterSeconds);
  if (problem.allow) headers.allow = problem.allow.join(', ');
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer';
  // The rest of the body is not read: another request on this connection would meet it.
  if (problem.code === 'payload_too_large') headers.connection = 'close';
  return headers;
}

export function problemText(problem: Problem, requestId: string): string {
  return problemTextFor(problem)(requestId);
}

/** The same, of one problem that many requests are answered with: all of it but their ids is written once. */
export function problemTextFor(problem: Problem): (requestId: string) => string {
  const members = JSON.stringify({
    type: 'about:blank',
    title: titles[problem.status] ?? 'Error',
    status: problem.status,
    code: problem.code,
    detail: problem.message,
    ...(problem.limit ? { limit: problem.limit } : {}),
    ...(problem.errors ? { errors: problem.errors } : {}),
  });
  const start = `${members.slice(0, -1)},"requestId":`;
  return (requestId) => `${start}${JSON.stringify(requestId)}}`;
}

/** A log that is no flood itself: of what may come a thousand times a second, one line a second. */
const quietMs = 1000;

export function onError({ log, metrics }: Pick<ApiDeps, 'log' | 'metrics'>): ErrorHandler<ApiEnv> {
  let quietUntil = Number.NEGATIVE_INFINITY;
  let unlogged = 0;
  /** What each request meets while the database cannot be written or reached. */
  const logOutage = (entry: object) => {
    const now = performance.now();
    if (now < quietUntil) return void unlogged++;
    log.error(
      { ...entry, ...(unlogged > 0 ? { unlogged } : {}) },
      'requests fail: the database is not available',
    );
    [quietUntil, unlogged] = [now + quietMs, 0];
  };
  return (error, c) => {
    const problem = toProblem(error);
    if (problem.status === 429 || problem.status === 503) metrics.refused(problem.code);
    const entry = { err: error, requestId: c.get('requestId') };
    // Refusals for a limit are counted, not logged: whoever asks too much is not to fill a disk as well.
    if (problem.status >= 500 && problem.limit === undefined) {
      if (problem.code === 'unavailable') logOutage(entry);
      else log.error(entry, 'request failed');
    }
    return problemResponse(c, problem);
  };
}

export function onNotFound(methods: AllowedMethods): NotFoundHandler<ApiEnv> {
  return (c) => problemResponse(c, methods.problem(c.req.method, c.req.path));
}

function toProblem(error: Error): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException) {
    const code: ProblemCode = error.status === 413 ? 'payload_too_large' : 'invalid_json';
    return new Problem(code, error.message);
  }
  if (isUnavailable(error)) {
    const detail = 'the database does not take this request now; try again';
    return new Problem('unavailable', detail, { retryAfterSeconds: 1, cause: error });
  }
  return new Problem('internal_error', 'an unexpected error; the log has it under this request id', {
    cause: error,
  });
}

/** The store cannot write or be reached now, through no fault of the request. */
function isUnavailable(error: Error): boolean {
  if (error.name === 'StoreError') return true;
  const state = sqlState(error);
  if (state !== undefined) return /^(08|53|57|58|40)/.test(state);
  const { code } = error as Error & { code?: unknown };
  return typeof code === 'string' && /^(CONNECT|CONNECTION_|ECONN|EPIPE|ENOENT|ETIMEDOUT)/.test(code);
}
