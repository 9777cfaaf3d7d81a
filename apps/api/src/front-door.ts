import { createId, type Problem } from '@waybill/protocol';
import { hasScope, type KnownKeys } from './auth.ts';
import type { BacklogGate } from './backlog-gate.ts';
import type { MetricsSource } from './deps.ts';
import { problemHeaders, problemTextFor } from './problems.ts';

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
  /** Names and values in turns: cheaper for node than an object. */
  readonly headers: string[];
  readonly body: string;
}

export interface FrontDoorOptions {
  readonly keys: Pick<KnownKeys, 'known'>;
  readonly backlog: Pick<BacklogGate, 'isOpen' | 'refusalOf'>;
  readonly metrics: Pick<MetricsSource, 'refused'>;
  /** Of one body: a longer one is refused for that. */
  readonly requestBodyBytesMax: number;
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
  /** How the gate's problem is told. */
  #telling: Telling | null = null;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  refusalOf({ method, url, authorization, length }: RequestHead): Refusal | null {
    const { keys, backlog, metrics, requestBodyBytesMax } = this.#options;
    if (backlog.isOpen || method !== 'POST' || !startUrl.test(url)) return null;
    if (!(Number(length) <= Math.min(bodyBytesMax, requestBodyBytesMax))) return null;
    const principal = keys.known(authorization);
    if (!principal || !hasScope(principal, 'runs:write')) return null;
    const problem = backlog.refusalOf(principal.projectUuid);
    if (!problem) return null;
    metrics.refused(problem.code);
    if (this.#telling?.problem !== problem) this.#telling = tellingOf(problem);
    const { headers, textFor } = this.#telling;
    const requestId = createId('req');
    const body = textFor(requestId);
    return {
      status: problem.status,
      headers: [...headers, 'content-length', String(Buffer.byteLength(body)), 'x-request-id', requestId],
      body,
    };
  }
}

interface Telling {
  readonly problem: Problem;
  readonly headers: readonly string[];
  readonly textFor: (requestId: string) => string;
}

function tellingOf(problem: Problem): Telling {
  return {
    problem,
    headers: Object.entries(problemHeaders(problem)).flat(),
    textFor: problemTextFor(problem),
  };
}
