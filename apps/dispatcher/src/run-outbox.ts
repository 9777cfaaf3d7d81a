import { type Delivery, findDelivery, givesUpAt, retryPolicyOf, type WakeTarget } from '@waybill/engine';
import { startChild } from './children.ts';
import type { DriverContext } from './driver-context.ts';
import type { Released } from './driver-types.ts';
import { urlOf } from './prepare.ts';
import type { RunDriver } from './run-driver.ts';
import type { RunTimers } from './run-timers.ts';

/** Before the workflow of a step is looked up again, in ms. */
const lookUpPauseMs = 1000;

/** What of one run is on its way out: to the send queue, to a timer, or held back by `maxConcurrency`. */
export class RunOutbox {
  readonly #driver: RunDriver;
  readonly #context: DriverContext;
  readonly #timers: RunTimers;
  /** Due, but as many are in flight as the run allows; oldest first. */
  readonly #held: Delivery[] = [];

  constructor(driver: RunDriver, context: DriverContext, timers: RunTimers) {
    this.#driver = driver;
    this.#context = context;
    this.#timers = timers;
  }

  /** What a transition has made due, once it is durable. */
  letOut({ revokedDeliveries, dueDeliveries, wakes, onCommit }: Released): void {
    if (!this.#driver.isDiscarded) this.#timers.armTimeout();
    for (const delivery of revokedDeliveries) this.#revoke(delivery);
    for (const delivery of dueDeliveries) this.#schedule(delivery);
    for (const { target, at } of wakes) this.#awaitTime(target, at);
    onCommit?.();
  }

  /** Its time has come. */
  enqueue(delivery: Delivery): void {
    const { state } = this.#driver;
    const isChild = delivery.kind === 'step' && state.plan.steps[delivery.index]!.kind === 'workflow';
    if (!isChild) return this.#context.queue.push(this.#driver, delivery, urlOf(state, delivery));
    startChild(this.#driver, delivery, this.#context).catch(() => {
      // The database cannot be asked now, which is not the run's fault.
      if (this.#driver.isDiscarded) return;
      this.#timers.retryAt(delivery, this.#context.clock.now() + lookUpPauseMs);
    });
  }

  /** No place among those in flight. */
  hold(delivery: Delivery): void {
    this.#held.push(delivery);
  }

  /** A place among those in flight may be free. */
  releaseHeld(): void {
    const { plan, openExchanges, openChildren } = this.#driver.state;
    const { maxConcurrency } = plan.definition;
    if (this.#held.length === 0 || maxConcurrency === undefined) return;
    let free = maxConcurrency - (openExchanges - openChildren);
    while (free > 0 && this.#held.length > 0) {
      const delivery = this.#held.shift()!;
      // One that is not sent any more takes no place from those behind it; what a pause keeps, its end announces.
      if (!this.#driver.isToSend(delivery)) continue;
      this.#schedule(delivery);
      free--;
    }
  }

  /** Of an attempt whose start is durable. */
  exchange(delivery: Delivery): void {
    if (this.#driver.isDiscarded || !delivery.open) return;
    // The queue let it go before its start was recorded: the lease may be in doubt by now.
    if (this.#context.maySend()) this.#context.exchange(this.#driver, delivery);
    else this.#driver.endAttempt(delivery, delivery.attempts, 'lost');
  }

  /** What is in flight of it, and what is kept back of its start, is for nothing. */
  giveUp(delivery: Delivery): void {
    this.#context.lazyStarts.drop(delivery);
    this.#context.abort(delivery);
  }

  #revoke(delivery: Delivery): void {
    this.#timers.cancelRetry(delivery);
    this.giveUp(delivery);
  }

  #schedule(delivery: Delivery): void {
    // One that was sent before it in the same go may have crashed.
    if (this.#driver.isDiscarded) return;
    this.#giveUpInTime(delivery);
    const { retryAt } = delivery;
    if (retryAt === null || retryAt <= this.#context.clock.now()) return this.enqueue(delivery);
    this.#timers.retryAt(delivery, retryAt);
  }

  /** Whatever holds its next attempt back: a pause, a limit, an endpoint that is spared. */
  #giveUpInTime(delivery: Delivery): void {
    const { state } = this.#driver;
    if (delivery.kind === 'hook' || delivery.firstStartedAt === null) return;
    const at = givesUpAt(retryPolicyOf(state, delivery), delivery);
    if (at !== Number.POSITIVE_INFINITY) this.#timers.callAt(at, () => this.#driver.giveUpLate(delivery, at));
  }

  #awaitTime(target: WakeTarget, at: number): void {
    if (this.#driver.isDiscarded) return;
    this.#timers.wakeAt(target, at);
    if (target.kind !== 'attempt') return;
    // A heartbeat before the answer: the exchange may go on as long as the attempt.
    const delivery = findDelivery(this.#driver.state, { delivery: 'step', step: target.step });
    if (delivery?.open && delivery.attempts === target.attempt) this.#context.extend(delivery, at);
  }
}
