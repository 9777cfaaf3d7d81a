import type { EgressResponse } from '@waybill/egress';
import type { LoggedRequest } from '../support/oracle.ts';
import { stepsBelow } from './definitions.ts';
import type { Faults } from './faults.ts';
import { unstorable } from './model/flush.ts';
import type { Random } from './random.ts';
import { type CallbackClaims, claimsIn } from './tokens.ts';
import type { World } from './world.ts';

export interface Received {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly sentAtMs: number;
}

/** What a handler does with a request. */
export interface Reaction {
  readonly afterMs: number;
  /** Null: it never answers. */
  readonly answer: EgressResponse | null;
}

/** A callback as a handler sends it; the API makes a command of it. */
export interface CallbackToSend {
  readonly claims: CallbackClaims;
  readonly afterMs: number;
  readonly isSuccess: boolean;
  readonly isHeartbeat: boolean;
  readonly result: string;
}

export interface HandlersOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly random: Random;
  readonly onCallback: (callback: CallbackToSend) => void;
}

/** Everybody whom steps, compensations and hooks are sent to. */
export class Handlers {
  readonly requests: LoggedRequest[] = [];
  /** Requests of processes that did not own their run. */
  readonly strays: string[] = [];
  readonly #options: HandlersOptions;
  #answers = 0;

  constructor(options: HandlersOptions) {
    this.#options = options;
  }

  receive(request: Received): Reaction {
    const logged = logOf(request);
    this.requests.push(logged);
    const { world } = this.#options;
    world.note(
      `-> ${logged.kind} ${logged.step ?? ''} ${logged.attempt} of ${logged.runId.slice(-6)} ${logged.webhookId}`,
    );
    return this.#react(request, logged);
  }

  #react(request: Received, { kind, step = '' }: LoggedRequest): Reaction {
    const { faults, random } = this.#options;
    if (faults.strikes('handlerHangs')) return { afterMs: 0, answer: null };
    const afterMs = faults.strikes('handlerSlow') ? random.between(500, 25_000) : random.skewed(1, 200);
    const claims = kind === 'step' ? claimsIn(request.body) : null;
    if (claims && faults.strikes('handlerPends')) {
      this.#callBack(claims, afterMs, timeoutMsIn(request.body));
      return { afterMs, answer: answerOf(202, '', { 'waybill-callback': 'pending' }) };
    }
    if (faults.strikes('handlerFails')) {
      const retryAfter: Record<string, string> = faults.strikes('retryAfter') ? { 'retry-after': '3' } : {};
      return { afterMs, answer: answerOf(random.pick([500, 503, 429]), '{"error":"no"}', retryAfter) };
    }
    if (faults.strikes('handlerRefuses')) {
      const [status, body] = random.pick([[400, 'no'] as const, [200, '{"success":false}'] as const]);
      return { afterMs, answer: answerOf(status, body) };
    }
    return { afterMs, answer: answerOf(200, kind === 'step' ? this.#success(step) : '') };
  }

  #success(step: string): string {
    const { faults, random } = this.#options;
    const envelope: Record<string, unknown> = { success: true, result: this.#result() };
    if (faults.strikes('choosesNext')) envelope.next = random.pick([[], [`s${random.int(0, 7)}`]]);
    if (faults.strikes('addsSteps')) envelope.addSteps = stepsBelow(random, step.replace(/\[\d+\]$/, ''));
    return JSON.stringify(envelope);
  }

  #result(): string {
    const { faults } = this.#options;
    if (faults.strikes('unstorableResult')) return unstorable;
    if (faults.strikes('largeResult')) return 'x'.repeat(this.#options.random.int(500, 1500));
    return `answer ${++this.#answers}`;
  }

  /** One that comes, or comes several times, perhaps before the 202, perhaps too late; or never. */
  #callBack(claims: CallbackClaims, afterMs: number, timeoutMs: number): void {
    const { faults, random, onCallback } = this.#options;
    if (faults.strikes('callbackLost')) return;
    const isEarly = faults.strikes('callbackEarly');
    // Some come at the last moment.
    const late = random.chance(0.3)
      ? timeoutMs - random.between(50, 900)
      : afterMs + random.skewed(5, 30_000);
    const first = isEarly ? random.between(0, afterMs) : Math.max(afterMs, late);
    const isSuccess = random.chance(0.7);
    const result = JSON.stringify(this.#result());
    const callback = { claims, isSuccess, result, isHeartbeat: false };
    if (random.chance(0.2)) onCallback({ ...callback, isHeartbeat: true, afterMs: random.between(0, first) });
    onCallback({ ...callback, afterMs: first });
    if (!faults.strikes('callbackRepeated')) return;
    for (let more = random.int(1, 3); more > 0; more--) {
      onCallback({ ...callback, afterMs: random.between(first / 2, first + 5000) });
    }
  }
}

function timeoutMsIn(body: string): number {
  return 1000 * Number(/"timeout":([0-9.]+)/.exec(body)?.[1] ?? 0);
}

function answerOf(status: number, body: string, headers: Record<string, string> = {}): EgressResponse {
  return { kind: 'answer', status, headers, body, durationMs: 1 };
}

function logOf({ url, headers, body, sentAtMs }: Received): LoggedRequest {
  const step = headers['waybill-step'];
  const isCompensation = body.includes('"type":"compensation"');
  return {
    webhookId: headers['webhook-id']!,
    attempt: Number(headers['waybill-attempt']),
    atMs: sentAtMs,
    url,
    kind: step === undefined ? 'hook' : isCompensation ? 'compensation' : 'step',
    runId: headers['waybill-run']!,
    ...(step === undefined ? {} : { step }),
  };
}
