import type { Delivery, RunEvent, RunState } from '@waybill/engine';
import { leastChars, noLinks, type RunInfo, requestBody, webhookId } from '@waybill/protocol';

export type AttemptEvent = Extract<RunEvent, { attempt: number }>;

/** All null for a sub-workflow, which no request starts. */
export interface RequestView {
  readonly url: string | null;
  readonly webhookId: string | null;
  /** First characters of the body. Links that it had for its handler are left out: they are rights. */
  readonly body: string | null;
}

const none: RequestView = { url: null, webhookId: null, body: null };
const excerptChars = 1024;

/** What the attempts of one step were sent, worked out from the run as it was when their first event came. */
export class Requests {
  readonly #run: RunState;
  readonly #info: RunInfo;
  /** By delivery: all its attempts begin with the same characters, if these are not many. */
  readonly #long = new Map<string, RequestView>();

  readonly #bytesMax: number;

  /** `bytesMax`: what no request is longer than. */
  constructor(run: RunState, info: RunInfo, bytesMax: number) {
    this.#run = run;
    this.#info = info;
    this.#bytesMax = bytesMax;
  }

  of({ delivery: kind, step: id, at }: AttemptEvent): RequestView {
    const step = this.#run.steps[this.#run.plan.indexById.get(id!)!]!;
    const { url, compensation } = step.plan.definition;
    const target = kind === 'step' ? url : compensation;
    const delivery = kind === 'step' ? step.delivery : step.compensation;
    if (target === undefined || delivery === null) return none;
    const webhook = webhookId(this.#info.id, kind, step.plan.index, delivery.round);
    const known = this.#long.get(webhook);
    if (known) return known;
    const least = leastChars(this.#run, this.#info, delivery);
    const view = { url: target, webhookId: webhook, body: this.#excerpt(delivery, least, at) };
    if (least >= excerptChars) this.#long.set(webhook, view);
    return view;
  }

  /** Null for one that was too long to be sent. */
  #excerpt(delivery: Delivery, least: number, nowMs: number): string | null {
    if (least > this.#bytesMax) return null;
    return requestBody(this.#run, this.#info, delivery, { nowMs, ...noLinks }).slice(0, excerptChars);
  }
}
