import { ApiError, NetworkError } from './errors.ts';
import { apiErrorOf } from './problem.ts';
import type { Settings } from './settings.ts';

export type QueryValue = string | number | undefined;

export interface ApiCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** From `/v1` on, its parts already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly body?: unknown;
  readonly idempotencyKey?: string | undefined;
  /**
   * Goes before `path` in place of the API's own URL. It is itself the right to the call, so no key is sent,
   * and it stays out of messages. The same call again changes nothing.
   */
  readonly callbackUrl?: string;
  /** How much longer than usual the server may take, when asked to wait. */
  readonly extraTimeoutMs?: number;
}

/** Sends one call to the API and gives its JSON, after as many attempts as are safe. */
export type Send = <T>(call: ApiCall) => Promise<T>;

const ATTEMPTS_MAX = 4;
const BACKOFF_MS = 200;
/** A server that asks for more patience than this gets its error reported instead. */
const RETRY_AFTER_SECONDS_MAX = 30;
const TIMEOUT_MS = 30_000;

export function createSend(settings: Settings): Send {
  const { runtime } = settings;

  return async <T>(call: ApiCall): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return (await exchange(settings, call)) as T;
      } catch (error) {
        const delayMs = isRepeatable(call) ? retryDelayMs(error, attempt) : undefined;
        if (delayMs === undefined) throw error;
        await runtime.sleep(delayMs * (0.75 + runtime.random() / 2));
      }
    }
  };
}

/** Any other POST might be carried out twice. */
function isRepeatable({ method, idempotencyKey, callbackUrl }: ApiCall): boolean {
  return method !== 'POST' || idempotencyKey !== undefined || callbackUrl !== undefined;
}

function retryDelayMs(error: unknown, attempt: number): number | undefined {
  if (attempt >= ATTEMPTS_MAX) return undefined;
  const backoffMs = BACKOFF_MS * 2 ** (attempt - 1);
  if (error instanceof NetworkError) return backoffMs;
  if (!(error instanceof ApiError) || (error.status !== 429 && error.status !== 503)) return undefined;
  const seconds = error.retryAfterSeconds ?? 0;
  // The jitter takes up to a quarter off, and the server's word is a lower bound.
  return seconds > RETRY_AFTER_SECONDS_MAX ? undefined : Math.max(backoffMs, (seconds * 1000) / 0.75);
}

async function exchange(settings: Settings, call: ApiCall): Promise<unknown> {
  const url = urlOf(settings, call);
  const init = initOf(settings, call);
  let response: Response;
  let text: string;
  try {
    response = await settings.fetch(url, init);
    text = await response.text();
  } catch (cause) {
    throw networkErrorOf(call, cause);
  }
  if (!response.ok) throw apiErrorOf(response, text, settings.runtime.epochMs());
  return parseAnswer(response, text);
}

function urlOf(settings: Settings, { path, query = {}, callbackUrl }: ApiCall): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return `${callbackUrl ?? settings.url()}${path}${search.size > 0 ? `?${search}` : ''}`;
}

function initOf(settings: Settings, call: ApiCall): RequestInit {
  const headers = new Headers({ accept: 'application/json' });
  if (call.callbackUrl === undefined) headers.set('authorization', `Bearer ${settings.apiKey()}`);
  if (call.body !== undefined) headers.set('content-type', 'application/json');
  if (call.idempotencyKey !== undefined) headers.set('idempotency-key', call.idempotencyKey);
  return {
    method: call.method,
    headers,
    // The API never redirects; whoever does must not get the key or the body.
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS + (call.extraTimeoutMs ?? 0)),
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
  };
}

function networkErrorOf({ method, path, callbackUrl }: ApiCall, cause: unknown): NetworkError {
  const name = `${method} ${callbackUrl === undefined ? '' : 'callback'}${path}`;
  const isTimeout = cause instanceof Error && cause.name === 'TimeoutError';
  return isTimeout
    ? new NetworkError('request_timeout', `${name} got no answer in time`, { cause })
    : new NetworkError('network_error', `${name} failed before an answer came`, { cause });
}

function parseAnswer(response: Response, text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError({
      status: response.status,
      code: 'invalid_answer',
      detail: 'the server did not answer with JSON; is the URL that of a Waybill API?',
    });
  }
}
