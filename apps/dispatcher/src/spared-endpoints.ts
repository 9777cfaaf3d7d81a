import type { EgressAnswer } from '@waybill/egress';
import { type Delivery, type RunState, retryPolicyOf } from '@waybill/engine';

import { Circuits } from './circuits.ts';
import type { Log } from './log.ts';
import { urlOf } from './prepare.ts';
import type { RunDriver } from './run-driver.ts';

/** All in all no attempt is held back for longer, whatever becomes of its endpoint. */
const heldMsMax = 60_000;

/** Whose delivery it is. */
export type Deliverer = Pick<RunDriver, 'state'> & { readonly project: { readonly uuid: string } };

interface Hold {
  readonly attempt: number;
  readonly sinceMs: number;
}

/** The circuits of a dispatcher, and how far they may delay an attempt: never past what its workflow allows. */
export class SparedEndpoints {
  readonly #circuits: Circuits;
  readonly #log: Log;
  readonly #holds = new WeakMap<Delivery, Hold>();
  #heldTotal = 0;

  constructor(log: Log, circuits = new Circuits()) {
    this.#log = log;
    this.#circuits = circuits;
  }

  /** Endpoints to which attempts are held back now. */
  get open(): number {
    return this.#circuits.open;
  }

  /** Attempts that were held back, since this process started. */
  get heldTotal(): number {
    return this.#heldTotal;
  }

  /** Until when the delivery's next attempt is held back; null: it is sent now. */
  heldUntil(deliverer: Deliverer, delivery: Delivery, nowMs: number): number | null {
    if (this.#circuits.open === 0) return null;
    const { state } = deliverer;
    const until = this.#circuits.heldUntil(endpointOf(deliverer, delivery), seedOf(state, delivery), nowMs);
    if (until === null) return null;
    const before = this.#holds.get(delivery);
    const isHeld = before?.attempt === delivery.attempts;
    const sinceMs = isHeld ? before.sinceMs : nowMs;
    if (until > sinceMs + heldMsMax || 2 * (until - nowMs) > endOfTime(state, delivery) - nowMs) return null;
    if (!isHeld) {
      this.#holds.set(delivery, { attempt: delivery.attempts, sinceMs });
      this.#heldTotal++;
    }
    return until;
  }

  /** An exchange has ended. */
  ended(deliverer: Deliverer, delivery: Delivery, answer: EgressAnswer, nowMs: number): void {
    const isFailure = isFailureOfEndpoint(answer);
    // Most of the time all is well, and an end costs nothing.
    if (isFailure === null || (!isFailure && this.#circuits.areAllWell)) return;
    const change = this.#circuits.ended(endpointOf(deliverer, delivery), delivery, isFailure, nowMs);
    if (change === null) return;
    // Without its query, which may be secret.
    const { origin, pathname } = new URL(urlOf(deliverer.state, delivery));
    const endpoint = { endpoint: origin + pathname };
    if (change === 'opened') this.#log.warn(endpoint, 'an endpoint only fails: attempts to it are held back');
    else this.#log.info(endpoint, 'an endpoint answers again');
  }
}

function endpointOf({ state, project }: Deliverer, delivery: Delivery): string {
  return `${project.uuid} ${urlOf(state, delivery)}`;
}

function seedOf({ runId }: RunState, { kind, index }: Delivery): string {
  return `${runId}:${kind}:${index}`;
}

/** When nothing more is tried, or waited for: a hold leaves half of what is left until then. */
function endOfTime(state: RunState, delivery: Delivery): number {
  const { giveUpAfter } = retryPolicyOf(state, delivery);
  const { firstStartedAt } = delivery;
  const isBounded = giveUpAfter !== undefined && firstStartedAt !== null;
  const givenUpAt = isBounded ? firstStartedAt + giveUpAfter * 1000 : Number.POSITIVE_INFINITY;
  if (delivery.kind !== 'step' || state.clockFrom === null) return givenUpAt;
  return Math.min(givenUpAt, state.clockFrom + state.plan.timeoutMs);
}

/** Null when the answer says nothing of the endpoint. One that refuses what it was sent is well. */
function isFailureOfEndpoint(answer: EgressAnswer): boolean | null {
  if (answer.kind === 'answer') return answer.status >= 500 || busyStatuses.has(answer.status);
  return failedCodes.has(answer.code) ? true : null;
}

const busyStatuses: ReadonlySet<number> = new Set([408, 425, 429]);
const failedCodes: ReadonlySet<string> = new Set(['connect_failed', 'connection_lost', 'timeout']);
