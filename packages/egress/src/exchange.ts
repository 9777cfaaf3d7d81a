import type { Dispatcher } from 'undici';
import type { EgressAnswer, EgressFailureCode, EgressPhase } from './answer.ts';
import type { AnswerShare, Receiver } from './answer-room.ts';
import { classify, messageOf } from './classify.ts';
import { GrowingBuffer } from './growing-buffer.ts';

export interface ExchangeSpec {
  responseBytesMax: number;
  /** Of all exchanges with its origin. */
  share: AnswerShare;
  /** Asked when a connection stands, right before the request is written: false aborts it. */
  mayStart?: (() => boolean) | undefined;
  /** Wall clock for connect + headers + body. */
  timeoutMs: number;
  onSettled: () => void;
  /** undici is done with the request and its place in the pool is free; may be later than the answer. */
  onReleased: () => void;
}

/** setTimeout takes a longer delay for 1 ms. */
const timeoutMsMax = 2 ** 31 - 1;

/**
 * One request and its answer, as undici's handler: the hot path, so one object, one promise, one timer.
 * The answer is settled once, by whatever comes first: its end, an error, the deadline, the cap, or `abort`.
 */
export class Exchange implements Dispatcher.DispatchHandler, Receiver {
  readonly answer: Promise<EgressAnswer>;
  private readonly spec: ExchangeSpec;
  private readonly startedAt = performance.now();
  private timer: NodeJS.Timeout;
  private resolve!: (answer: EgressAnswer) => void;
  private controller: Dispatcher.DispatchController | undefined;
  private phase: EgressPhase = 'connect';
  private isSettled = false;
  private isReleased = false;
  private status = 0;
  private headers: Record<string, string | string[] | undefined> = {};
  private body: GrowingBuffer | undefined;

  constructor(spec: ExchangeSpec) {
    this.spec = spec;
    this.answer = new Promise((resolve) => {
      this.resolve = resolve;
    });
    this.timer = this.deadlineIn(spec.timeoutMs);
  }

  extend(timeoutMs: number): void {
    if (this.isSettled) return;
    clearTimeout(this.timer);
    this.timer = this.deadlineIn(timeoutMs);
  }

  private deadlineIn(timeoutMs: number): NodeJS.Timeout {
    return setTimeout(onDeadline, Math.min(timeoutMs, timeoutMsMax), this);
  }

  pause(): void {
    this.controller?.pause();
  }

  resume(): void {
    // Asked for at the end of another answer, from within undici's parser, of which there is one for all.
    queueMicrotask(() => this.controller?.resume());
  }

  abort(): void {
    this.cut('aborted', 'the request was aborted');
  }

  /** Called when a connection takes the request, which may be after the answer was settled. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    this.phase = 'send';
    if (this.isSettled) controller.abort(new Error('settled before it was sent'));
    // Since it was asked for, a connection had to be made, and this process may have stood still.
    else if (this.spec.mayStart?.() === false) this.abort();
  }

  /** Also called for each 1xx; the last one counts. */
  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.phase = 'receive';
    this.status = status;
    this.headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.isSettled) return; // the rest of what was read before the cut
    this.body ??= new GrowingBuffer();
    if (this.body.length + chunk.length > this.spec.responseBytesMax) {
      this.cut('response_too_large', `the answer exceeds ${this.spec.responseBytesMax} bytes`);
    } else {
      this.body.append(chunk);
      this.spec.share.grew(this, chunk.length, this.body.length);
    }
  }

  onResponseEnd(): void {
    const { status, headers } = this;
    const body = this.body?.toString() ?? '';
    this.settle({ kind: 'answer', status, headers, body, durationMs: this.elapsedMs() });
    this.release();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const { phase, code } = classify(error, this.phase);
    this.fail(phase, code, messageOf(error));
    this.release();
  }

  private cut(code: EgressFailureCode, message: string): void {
    this.fail(this.phase, code, message);
    this.controller?.abort(new Error(message));
  }

  private fail(phase: EgressPhase, code: EgressFailureCode, message: string): void {
    this.settle({ kind: 'failure', phase, code, message, durationMs: this.elapsedMs() });
  }

  private settle(answer: EgressAnswer): void {
    if (this.isSettled) return;
    this.isSettled = true;
    clearTimeout(this.timer);
    if (this.body) this.spec.share.left(this, this.body.length);
    this.body = undefined; // the exchange may outlive its answer, until undici lets go of it
    this.spec.onSettled();
    this.resolve(answer);
  }

  private release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.spec.onReleased();
  }

  private elapsedMs(): number {
    return performance.now() - this.startedAt;
  }

  static expire(exchange: Exchange): void {
    exchange.cut('timeout', `no complete answer within ${Math.round(exchange.elapsedMs())} ms`);
  }
}

const onDeadline = Exchange.expire;
