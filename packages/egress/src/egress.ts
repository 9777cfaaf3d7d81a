import type { LookupFunction } from 'node:net';
import { type AddressPolicyOptions, createAddressPolicy } from './address-policy.ts';
import type { EgressAnswer, EgressFailureCode } from './answer.ts';
import { AnswerRoom } from './answer-room.ts';
import { Exchange } from './exchange.ts';
import { checkHeader } from './headers.ts';
import { memoized } from './memo.ts';
import { Origins } from './origins.ts';
import { parseTarget } from './target.ts';

export interface EgressOptions extends AddressPolicyOptions {
  /** Connections, and so requests, to one origin at once. Default 128. */
  connectionsPerOrigin?: number;
  /** Of an answer's body. Default 1 MiB + 64 KiB. */
  responseBytesMax?: number;
  /** Of all answers that are coming in: above it they take turns. Default 64 MiB. */
  answerBytesMax?: number;
  /** For name look-up, TCP and TLS. Default 10,000. */
  connectTimeoutMs?: number;
  /** For tests. Called with `all: true`. */
  lookup?: LookupFunction;
}

export interface EgressRequest {
  url: string;
  /** Set by Waybill. `accept-encoding: identity` is added; values are still checked for CR, LF and NUL. */
  headers: Record<string, string>;
  /** Set by users: each must pass `checkHeader`. */
  userHeaders?: Record<string, string>;
  body: string;
  /** Wall clock for connect + headers + body. */
  timeoutMs: number;
}

export interface OpenRequest {
  /** Never rejects. */
  readonly answer: Promise<EgressAnswer>;
  /** Settles the answer as `aborted`, unless it is settled, and cuts the connection. */
  abort(): void;
  /** Its deadline is this many ms from now, whatever it was. */
  extend(timeoutMs: number): void;
}

export interface Egress {
  /**
   * Sends one POST, once: redirects are not followed and nothing is retried. Never throws. Without room it waits
   * for a connection, within its deadline. `mayStart` is asked when a connection stands, right before the request
   * is written: false settles it as `aborted`.
   */
  post(request: EgressRequest, mayStart?: () => boolean): OpenRequest;
  /**
   * Whether a request to this URL would get a connection at once, and its origin has fewer than `openMax` requests.
   * True for a URL that will be refused at once.
   */
  hasRoom(url: string, openMax?: number): boolean;
  /** Requests without an answer yet. */
  readonly inFlight: number;
  /** Of answers that are coming in. */
  readonly answerBytes: number;
  /** Aborts what is in flight; resolves when every socket is closed. */
  close(): Promise<void>;
}

const defaults = {
  connectionsPerOrigin: 128,
  responseBytesMax: 1_114_112,
  answerBytesMax: 64 * 1024 * 1024,
  connectTimeoutMs: 10_000,
};

const urlsRemembered = 2_000;

/** The only way out of the platform. Throws EgressError `invalid_cidr` for wrong options. */
export function createEgress(options: EgressOptions): Egress {
  const { connectionsPerOrigin, responseBytesMax, answerBytesMax, connectTimeoutMs } = {
    ...defaults,
    ...options,
  };
  const room = new AnswerRoom(answerBytesMax);
  const policy = createAddressPolicy(options);
  const origins = new Origins({
    policy,
    room,
    connectionsPerOrigin,
    connectTimeoutMs,
    lookup: options.lookup,
  });
  // A judgement costs 15 us (BlockList makes native objects), a look-up 0.1 us; a step's URL is used many times.
  const targetOf = memoized(urlsRemembered, (url) => parseTarget(url, policy));
  const open = new Set<Exchange>();
  let isClosed = false;

  function post(request: EgressRequest, mayStart?: () => boolean): OpenRequest {
    if (isClosed) return refused('aborted', 'the egress is closed');
    const target = targetOf(request.url);
    if ('code' in target) return refused(target.code, target.message);
    const headerRefusal = request.userHeaders === undefined ? undefined : checkHeaders(request.userHeaders);
    if (headerRefusal !== undefined) return refused('header_refused', headerRefusal);
    const { headers, userHeaders, body, timeoutMs } = request;
    const origin = origins.obtain(target);
    origin.open++;
    const exchange: Exchange = new Exchange({
      responseBytesMax,
      share: origin.answers,
      timeoutMs,
      mayStart,
      onSettled: () => open.delete(exchange),
      onReleased: () => {
        origin.open--;
        origin.usedAtMs = performance.now();
      },
    });
    open.add(exchange);
    const allHeaders = { ...userHeaders, ...headers, 'accept-encoding': 'identity' };
    origin.pool.dispatch({ path: target.path, method: 'POST', headers: allHeaders, body }, exchange);
    return exchange;
  }

  function hasRoom(url: string, openMax = connectionsPerOrigin): boolean {
    const target = targetOf(url);
    const origin = 'code' in target ? undefined : origins.find(target.origin);
    return origin === undefined || origin.open < Math.min(connectionsPerOrigin, openMax);
  }

  async function close(): Promise<void> {
    isClosed = true;
    for (const exchange of open) exchange.abort();
    await origins.destroy();
  }

  return {
    post,
    hasRoom,
    close,
    get inFlight() {
      return open.size;
    },
    get answerBytes() {
      return room.bytes;
    },
  };
}

function checkHeaders(headers: Record<string, string>): string | undefined {
  for (const [name, value] of Object.entries(headers)) {
    const refusal = checkHeader(name, value);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function refused(code: EgressFailureCode, message: string): OpenRequest {
  const answer = Promise.resolve<EgressAnswer>({
    kind: 'failure',
    phase: 'policy',
    code,
    message,
    durationMs: 0,
  });
  return { answer, abort: () => {}, extend: () => {} };
}
