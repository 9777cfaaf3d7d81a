import type { Egress, EgressAnswer, EgressPhase, OpenRequest } from '@waybill/egress';
import { type Delivery, retryPolicyOf } from '@waybill/engine';
import { classifyAnswer, leastChars, noLinks, parseStepsFor, type RequestLinks } from '@waybill/protocol';
import type { ApprovalTokens, CallbackTokens } from '@waybill/signing';
import { failpoint } from '@waybill/store';
import type { Clock } from './clock.ts';
import type { EndedExchange } from './driver-types.ts';
import { prepareRequest, urlOf } from './prepare.ts';
import type { RunDriver } from './run-driver.ts';
import type { SparedEndpoints } from './spared-endpoints.ts';

export interface CallbackOptions {
  readonly tokens: CallbackTokens;
  readonly approvals: ApprovalTokens;
  /** Where handlers reach the API, without a slash at the end. */
  readonly publicUrl: string;
}

export interface ExchangesOptions {
  readonly egress: Egress;
  /** Whether the lease allows to send in this very tick. */
  readonly maySend: () => boolean;
  readonly clock: Clock;
  /** Exchanges open at once. */
  readonly inFlightMax: number;
  /** What their requests take, about: the nearer to it, the fewer to one origin. */
  readonly inFlightBytesMax: number;
  readonly resultBytesMax: number;
  readonly deliveryBytesMax: number;
  /** Null when this deployment names no public URL: then no callback is offered. */
  readonly callbacks: CallbackOptions | null;
  readonly endpoints: Pick<SparedEndpoints, 'ended'>;
  /** An exchange with this URL ended: its place is free. */
  readonly onEnd: (url: string) => void;
  /** What an answer comes to in the state of its run. */
  readonly within: (driver: RunDriver, outcome: EndedExchange) => EndedExchange;
  /** Our own code threw over this run's answer: the run must not take the others down. */
  readonly onCrash: (driver: RunDriver, error: unknown) => void;
}

/** The open HTTP exchanges: prepare → send → classify. */
export class Exchanges {
  readonly #options: ExchangesOptions;
  readonly #open = new Map<Delivery, OpenRequest>();
  #bytes = 0;
  #onIdle = () => {};

  constructor(options: ExchangesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** As many as a process may have are open. */
  get isFull(): boolean {
    return this.size >= this.#options.inFlightMax;
  }

  hasRoom(url: string): boolean {
    const { egress, inFlightMax, inFlightBytesMax } = this.#options;
    const taken = Math.max(this.size / inFlightMax, this.#bytes / inFlightBytesMax);
    return egress.hasRoom(url, openToOriginMax(taken, inFlightMax));
  }

  /** Of the requests that are open: each is in memory until it has been answered. */
  get bytes(): number {
    return this.#bytes;
  }

  start(driver: RunDriver, delivery: Delivery): void {
    const { state, info, project } = driver;
    const { egress, clock, deliveryBytesMax } = this.#options;
    const attempt = delivery.attempts;
    const least = leastChars(state, info, delivery);
    if (least > deliveryBytesMax) {
      driver.endAttempt(delivery, attempt, tooLarge(least, deliveryBytesMax));
      return;
    }
    const nowMs = clock.now();
    const links = this.#links(driver, delivery);
    const request = prepareRequest(state, info, delivery, project.signer, { nowMs, ...links });
    const bytes = Buffer.byteLength(request.body);
    if (bytes > deliveryBytesMax) {
      driver.endAttempt(delivery, attempt, tooLarge(bytes, deliveryBytesMax));
      return;
    }
    failpoint(`send.${delivery.kind}`);
    // Not the request itself: its body need not outlive what undici keeps of it.
    const { url } = request;
    const open = egress.post(request, this.#options.maySend);
    this.#open.set(delivery, open);
    this.#bytes += bytes;
    void open.answer.then((answer) => {
      failpoint(`answer.${delivery.kind}`);
      if (this.#open.get(delivery) === open) this.#open.delete(delivery);
      this.#bytes -= bytes;
      this.#options.endpoints.ended(driver, delivery, answer, clock.now());
      try {
        const ended = this.#ended(driver, delivery, answer);
        driver.endAttempt(delivery, attempt, ended);
      } catch (error) {
        this.#options.onCrash(driver, error);
      }
      this.#options.onEnd(url);
      if (this.size === 0) this.#onIdle();
    });
  }

  #links(driver: RunDriver, delivery: Delivery): RequestLinks {
    const { callbacks } = this.#options;
    if (callbacks === null || delivery.kind !== 'step') return noLinks;
    const { state, info } = driver;
    const expiresAtSeconds = Math.ceil(((state.clockFrom ?? 0) + state.plan.timeoutMs) / 1000);
    const approvals = state.plan.steps[delivery.index]!.dependents.map((index) => state.plan.steps[index]!)
      .filter(({ kind }) => kind === 'wait')
      .map(({ id }) => {
        const token = callbacks.approvals.mint({ run: info.id, step: id }, expiresAtSeconds);
        return [id, `${callbacks.publicUrl}/v1/approvals/${token}`] as const;
      });
    return { callbackUrl: this.#callbackUrl(driver, delivery, expiresAtSeconds), approvals };
  }

  /** The token outlives the attempt's own timeout, which heartbeats extend; whether it still counts, the run says. */
  #callbackUrl({ state, info }: RunDriver, delivery: Delivery, expiresAtSeconds: number): string {
    const { tokens, publicUrl } = this.#options.callbacks!;
    const { index, round, attempts: attempt } = delivery;
    const claims = { run: info.id, step: state.plan.steps[index]!.id, round, attempt };
    return `${publicUrl}/v1/callbacks/${tokens.mint(claims, expiresAtSeconds)}`;
  }

  abort(delivery: Delivery): void {
    this.#open.get(delivery)?.abort();
  }

  /** A heartbeat came while the exchange is open: it may take until then, too; engine time in ms. */
  extend(delivery: Delivery, until: number): void {
    this.#open.get(delivery)?.extend(Math.max(0, until - this.#options.clock.now()));
  }

  abortAll(): void {
    for (const open of this.#open.values()) open.abort();
  }

  /** Resolves when none is open, or after `graceMs`. */
  idle(graceMs: number): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(graceMs, resolve);
      this.#onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Of a compensation or a hook nothing is kept: whoever takes it has taken it, whatever its answer holds. */
  #ended(driver: RunDriver, delivery: Delivery, answer: EgressAnswer): EndedExchange {
    const ended = this.#classify(driver, delivery, answer);
    if (delivery.kind === 'step') return this.#options.within(driver, ended);
    return ended !== 'lost' && ended.kind === 'success' ? { ...ended, result: 'null' } : ended;
  }

  #classify(driver: RunDriver, delivery: Delivery, answer: EgressAnswer): EndedExchange {
    if (answer.kind === 'answer') {
      const { resultBytesMax, clock } = this.#options;
      const retries = retryPolicyOf(driver.state, delivery);
      const outcome = classifyAnswer(answer, {
        retries,
        resultBytesMax: delivery.kind === 'step' ? resultBytesMax : Number.POSITIVE_INFINITY,
        nowMs: clock.now(),
        parseSteps: parserOf(driver, delivery),
      });
      // Only steps wait for callbacks: whoever takes a compensation or a hook with a 202 has taken it.
      const isTaken = outcome.kind === 'pending' && delivery.kind !== 'step';
      return isTaken ? { kind: 'success', status: answer.status, result: 'null' } : outcome;
    }
    if (answer.code === 'aborted') return 'lost';
    return {
      kind: 'failure',
      retryable: !permanentCodes.has(answer.code),
      error: {
        code: answer.code,
        message: `${answer.message} (${new URL(urlOf(driver.state, delivery)).origin})`,
        ...(unsentPhases.has(answer.phase) ? {} : { outcome: 'unknown' }),
      },
    };
  }
}

/**
 * `taken`: the share of places, or of bytes, that is in use. However many origins never answer, one that does finds room: the cube of the free share keeps places for
 * more than six hundred silent ones of 4,096, however much waits for each, and hardly binds while most are free.
 */
export function openToOriginMax(taken: number, inFlightMax: number): number {
  return Math.max(1, Math.floor((inFlightMax / 4) * Math.max(0, 1 - taken) ** 3));
}

/** What `addSteps` of an answer to a step comes to; compensations and hooks add none. */
function parserOf({ state, project }: RunDriver, { kind, index }: Delivery) {
  if (kind !== 'step') return undefined;
  const answering = state.plan.steps[index]!.id;
  return (input: unknown) => parseStepsFor(state, input, project.checks, { answering });
}

/** Before anything of the request was sent: its handler cannot have acted. */
const unsentPhases: ReadonlySet<EgressPhase> = new Set(['policy', 'connect']);

/** Trying again would meet the same refusal. */
const permanentCodes: ReadonlySet<string> = new Set([
  'address_refused',
  'url_refused',
  'header_refused',
  'response_too_large',
]);

function tooLarge(bytes: number, bytesMax: number): EndedExchange {
  const message = `the request has ${bytes} bytes, above deliveryBytesMax ${bytesMax}; narrow what the step is sent`;
  const details = { limit: { name: 'deliveryBytesMax', value: bytesMax } };
  return { kind: 'failure', retryable: false, error: { code: 'input_too_large', message, details } };
}
