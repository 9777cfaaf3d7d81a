import { createId } from '@waybill/protocol';
import { hasScope, type KnownKeys } from './auth.ts';
import type { BacklogGate } from './backlog-gate.ts';
import type { MetricsSource } from './deps.ts';
import { problemHeaders, problemText } from './problems.ts';

/** Of a request, what its first lines say. */
export interface RequestHead {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly authorization: string | undefined;
  /** Its `content-length`. */
  readonly length: string | undefined;
}

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface FrontDoorOptions {
  readonly keys: Pick<KnownKeys, 'known'>;
  readonly backlog: Pick<BacklogGate, 'isOpen' | 'refusalOf'>;
  readonly metrics: Pick<MetricsSource, 'refused'>;
}

/** The body of what is refused is still read, so that the connection may go on: a longer one is for hono to judge. */
const bodyBytesMax = 64 * 1024;
/** Of a workflow whose id needs no decoding, and is none of the dots that a path is resolved by. */
const startUrl = /^\/v1\/workflows\/(?!\.{1,2}\/)[\w.-]{1,128}\/runs(?:\/batch)?$/;

/**
 * Refuses starts that the gate would refuse, before anything is made of the request: under a flood, most of the work is
 * in the requests that come to nothing. It decides nothing itself, and what it is not sure of it lets pass.
 */
export class FrontDoor {
  readonly #options: FrontDoorOptions;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  refusalOf({ method, url, authorization, length }: RequestHead): Refusal | null {
    const { keys, backlog, metrics } = this.#options;
    if (backlog.isOpen || method !== 'POST' || !startUrl.test(url)) return null;
    if (!(Number(length) <= bodyBytesMax)) return null;
    const principal = keys.known(authorization);
    if (!principal || !hasScope(principal, 'runs:write')) return null;
    const problem = backlog.refusalOf(principal.projectUuid);
    if (!problem) return null;
    metrics.refused(problem.code);
    const requestId = createId('req');
    const body = problemText(problem, requestId);
    const headers = {
      ...problemHeaders(problem),
      'content-length': String(Buffer.byteLength(body)),
      'x-request-id': requestId,
    };
    return { status: problem.status, headers, body };
  }
}
