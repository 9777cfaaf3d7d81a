import type { DeliveryCompleted, DeliveryFailed } from '../src/events.ts';
import type { Delivery, Plan, RetryPolicy, RunEvent, RunState, StepDefinition } from '../src/index.ts';
import { hasEnded, hookRetryPolicy, isTerminal } from '../src/index.ts';
import { check } from './book.ts';
import type { Observer } from './driver.ts';
import { Reference } from './reference.ts';

type AttemptStarted = Extract<RunEvent, { type: 'attempt.started' }>;

/**
 * Watches a run from outside and holds it to semantics.md. It knows the definition and the facts reported,
 * and keeps its own books, so that it shares no mistake with the engine. Which step may start is for the reference
 * to say; here are attempts, endings, compensations and hooks.
 */
export class Invariants implements Observer {
  readonly #plan: Plan;
  readonly #reference: Reference;
  readonly #added = new Map<string, StepDefinition>();
  readonly #completed: string[] = [];
  readonly #ended = new Set<string>();
  /** By delivery; of a step, those of its present round. */
  readonly #attempts = new Map<string, number>();
  readonly #undone: string[] = [];
  readonly #awaitingRound = new Set<string>();
  #undoing: string | null = null;
  #isHookOver = false;
  #compensates: boolean;
  #terminal: RunEvent['type'] | null = null;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#reference = new Reference(plan);
    this.#compensates = plan.definition.saga;
  }

  due(delivery: Delivery, state: RunState): void {
    if (isTerminal(state.state)) check(delivery.kind === 'hook', `${delivery.kind} due after the end`);
    this.#reference.due(delivery);
  }

  /** To be called after every commit. */
  committed(state: RunState): void {
    this.#reference.committed(state);
  }

  forgotten(start: AttemptStarted): void {
    this.#count(start.delivery, start.step, -1);
    if (start.delivery === 'step') this.#reference.forgotten(start.step!, start.attempt);
  }

  event(event: RunEvent): void {
    this.#check(event);
    this.#reference.event(event);
  }

  #check(event: RunEvent): void {
    switch (event.type) {
      case 'steps.added':
        for (const step of event.steps) this.#added.set(step.id, step);
        return;
      case 'attempt.started':
        return this.#attemptStarted(event);
      case 'attempt.lost':
        return this.#count(event.delivery, event.step, -1);
      case 'step.completed':
      case 'compensation.completed':
      case 'hook.delivered':
      case 'step.failed':
      case 'compensation.failed':
      case 'hook.failed':
        return this.#deliveryEnded(event);
      case 'step.given_up':
        check(this.#step(event.step).retries.giveUpAfter !== undefined, `${event.step} is never given up`);
        return this.#stepEnded(event.step, false);
      case 'compensation.given_up':
        return this.#undoEnded(event.step);
      case 'run.retrying':
        return this.#startRound();
      case 'run.quarantined':
        this.#compensates = false;
        return this.#ends('run.failed');
      case 'run.cancelling':
        this.#compensates &&= event.compensate;
        return;
      case 'run.compensating':
        return check(this.#compensates, 'compensates although it must not');
      case 'run.completed':
      case 'run.failed':
      case 'run.cancelled':
        return this.#ends(event.type);
    }
  }

  /** Only what has failed is sent again, with a fresh budget. */
  #startRound(): void {
    for (const id of this.#awaitingRound) {
      this.#ended.delete(id);
      this.#attempts.delete(`step ${id}`);
    }
    this.#awaitingRound.clear();
  }

  #ends(type: RunEvent['type']): void {
    check(this.#terminal === null, 'a second terminal event');
    this.#terminal = type;
  }

  #attemptStarted({ delivery, step }: AttemptStarted): void {
    this.#count(delivery, step, 1);
    if (delivery === 'hook') return check(this.#terminal !== null, 'the hook goes before the end');
    check(this.#terminal === null, `${delivery} ${step} starts after the end`);
    if (delivery === 'step') check(!this.#ended.has(step!), `${step} starts after its own end`);
    else this.#compensationStarted(step!);
  }

  #compensationStarted(id: string): void {
    check([null, id].includes(this.#undoing), `undoing ${id} overlaps undoing ${this.#undoing}`);
    this.#undoing = id;
  }

  #deliveryEnded(event: DeliveryCompleted | DeliveryFailed): void {
    const { delivery, step: id = '', type } = event;
    if ('error' in event) this.#checkFinal(event);
    if (delivery === 'hook') {
      this.#isHookOver = true;
      return;
    }
    if (delivery === 'compensation') return this.#undoEnded(id);
    this.#stepEnded(id, type === 'step.completed');
  }

  #undoEnded(id: string): void {
    this.#undoing = null;
    this.#undone.push(id);
  }

  #stepEnded(id: string, isCompleted: boolean): void {
    check(!this.#ended.has(id), `${id} ends twice`);
    this.#ended.add(id);
    if (isCompleted) this.#completed.push(id);
    else if (this.#policyOfFailure(id) === 'retry') this.#awaitingRound.add(id);
  }

  /** A retryable failure is final only when the attempts are used up; while a run drains it always is. */
  #checkFinal({ delivery, step, error }: DeliveryFailed): void {
    if (delivery === 'step' && this.#reference.isDraining) return;
    const policy = this.#policy(delivery, step);
    if (error.status !== 500 || policy.giveUpAfter !== undefined) return;
    const attempts = this.#attempts.get(`${delivery} ${step}`);
    check(attempts === policy.maxAttempts, `${delivery} ${step} failed for good at attempt ${attempts}`);
  }

  #policyOfFailure(id: string) {
    const { definition } = this.#plan;
    return this.#step(id).definition.failurePolicy ?? definition.failurePolicy;
  }

  #policy(kind: string, step: string | undefined): RetryPolicy {
    return kind === 'hook' ? hookRetryPolicy : this.#step(step!).retries;
  }

  #count(kind: string, step: string | undefined, by: 1 | -1): void {
    const name = `${kind} ${step}`;
    const attempts = (this.#attempts.get(name) ?? 0) + by;
    this.#attempts.set(name, attempts);
    const { maxAttempts } = this.#policy(kind, step);
    check(attempts <= maxAttempts, `attempt ${attempts} of ${maxAttempts} of ${name}`);
  }

  /** To be called when nothing is left to send. */
  finish(state: RunState): void {
    check(isTerminal(state.state) && state.phase === 'done', `stuck: ${state.state}, ${state.phase}`);
    check(state.steps.every(hasEnded), 'a step has not ended');
    check(
      state.steps.every((step) => step.state !== 'failed' || step.error !== null),
      'failed without an error',
    );
    check((state.error === null) === (state.state === 'completed'), `${state.state}: ${state.error?.code}`);
    check(`run.${state.state}` === this.#terminal, `${state.state} after ${this.#terminal}`);
    const { onComplete, onError } = this.#plan.definition;
    const url = state.state === 'completed' ? onComplete : onError;
    check(this.#isHookOver === (url !== undefined), 'one hook if there is a URL');
    this.#checkCompensations(state);
  }

  #checkCompensations(state: RunState): void {
    const compensable = this.#completed.filter((id) => this.#step(id).definition.compensation).reverse();
    const isWhole = this.#compensates && state.state !== 'completed';
    // A quarantine may cut the compensations short; what was undone until then must still be in order.
    const expected = isWhole ? compensable : compensable.slice(0, this.#undone.length);
    const mayUndo = this.#plan.definition.saga && state.state !== 'completed';
    check(mayUndo || this.#undone.length === 0, 'undone without saga, or in a run that completed');
    check(String(this.#undone) === String(expected), `undone ${this.#undone}; expected ${expected}`);
  }

  #step(id: string) {
    const index = this.#plan.indexById.get(id);
    const definition = index === undefined ? this.#added.get(id)! : this.#plan.steps[index]!.definition;
    return { definition, retries: definition.retries };
  }
}
