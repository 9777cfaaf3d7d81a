import { ApiError } from './errors.ts';

/** The error that a refusing answer means. Proxies answer HTML or nothing: those get `http_<status>`. */
export function apiErrorOf(response: Response, text: string, nowMs: number): ApiError {
  const problem = parseObject(text);
  const { status } = response;
  return new ApiError({
    status,
    code: textOf(problem.code) ?? `http_${status}`,
    detail: textOf(problem.detail) ?? textOf(problem.title) ?? `the server answered ${status}`,
    errors: faultsOf(problem.errors),
    requestId: textOf(problem.requestId) ?? response.headers.get('x-request-id') ?? undefined,
    retryAfterSeconds: retryAfterSeconds(response.headers.get('retry-after'), nowMs),
  });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function faultsOf(value: unknown): { path: string; message: string }[] {
  if (!Array.isArray(value)) return [];
  return value.map((fault: { path?: unknown; message?: unknown } | null) => ({
    path: String(fault?.path ?? ''),
    message: String(fault?.message ?? ''),
  }));
}

/** `Retry-After` is seconds or an HTTP date. */
function retryAfterSeconds(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\s*\d+\s*$/.test(header) ? Number(header) : (Date.parse(header) - nowMs) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
