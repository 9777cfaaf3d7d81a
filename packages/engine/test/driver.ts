import {
  type Command,
  createRunState,
  type Delivery,
  dueDeliveries,
  type Effects,
  evolve,
  nameOfDelivery,
  type Outcome,
  openDeliveries,
  type Plan,
  type RunEvent,
  type RunState,
  restOnStarts,
  transact,
  type Wake,
  wakes,
} from '../src/index.ts';
import { context } from './definitions.ts';

export interface Observer {
  event?(event: RunEvent): void;
  due?(delivery: Delivery, state: RunState): void;
  /** The owner died before the start was written. */
  forgotten?(start: AttemptStarted): void;
}

type AttemptStarted = Extract<RunEvent, { type: 'attempt.started' }>;

/** What a dispatcher does with one run, without sockets and clocks: keeps what is due, and the journal. */
export class Driver {
  readonly plan: Plan;
  readonly journal: RunEvent[] = [];
  readonly due = new Map<string, Delivery>();
  /** Times that steps wait for, by step. */
  readonly wakes = new Map<string, number>();
  /** Starts not written yet, which the end of their attempt makes needless (see the dispatcher's LazyStarts). */
  readonly lazyStarts = new Map<string, AttemptStarted>();
  state: RunState;
  now = 1_000_000;
  readonly #observer: Observer;
  readonly #effects: Effects;
  /** What has become due or been given a time: a step may be given its time a second time. */
  #effectCount = 0;

  constructor(plan: Plan, observer: Observer = {}) {
    this.plan = plan;
    this.#observer = observer;
    this.#effects = {
      due: (delivery) => {
        this.#effectCount++;
        this.due.set(nameOf(delivery), delivery);
        observer.due?.(delivery, this.state);
      },
      wake: (target, at) => {
        this.#effectCount++;
        this.#noteWake({ target, at });
      },
      revoked: (delivery) => void this.due.delete(nameOf(delivery)),
    };
    this.state = createRunState(plan, 'run_test', context);
    this.#record({ type: 'run.created', at: this.now });
    evolve(this.state, this.journal[0]!);
  }

  /** The code of the rejection, or null when the command was applied. */
  apply(command: Command): string | null {
    const { ending } = this.state;
    const events = this.#transact(command);
    if (typeof events === 'string') return events;
    this.#recordAll(events, this.state.ending !== ending);
    return null;
  }

  #recordAll(events: readonly RunEvent[], isEnding: boolean): void {
    if (isEnding || restOnStarts(events)) this.writeStarts();
    for (const event of events) {
      // By a quarantine, which needs no start of it.
      if (event.type === 'hook.failed') this.lazyStarts.delete(`hook:${event.round}`);
      this.#record(event);
    }
  }

  #transact(command: Command): readonly RunEvent[] | string {
    const transition = transact(this.state, command, ++this.now, this.#effects);
    return 'rejection' in transition ? transition.rejection.code : transition.events;
  }

  #noteWake({ target, at }: Wake): void {
    if (target.kind === 'step') this.wakes.set(target.step, at);
  }

  /** The time that a step waits for comes. */
  wakeUp(step: string): void {
    this.now = Math.max(this.now, this.wakes.get(step)!);
    this.wakes.delete(step);
    this.apply({ type: 'wakeStep', step });
  }

  /** A lazy start is not written until something depends on it, or `writeStarts` is called. */
  send(delivery: Delivery, isLazy = false): string | null {
    const name = nameOf(delivery);
    this.due.delete(name);
    const before = this.#effectCount;
    const { ending } = this.state;
    const events = this.#transact({ type: 'startAttempt', ...this.named(delivery) });
    if (typeof events === 'string') return events;
    const [event] = events;
    const isFree = this.#effectCount === before;
    if (isLazy && isFree && event?.type === 'attempt.started' && events.length === 1) {
      this.lazyStarts.set(name, event);
      this.#observer.event?.(event);
    } else this.#recordAll(events, this.state.ending !== ending);
    return null;
  }

  end(delivery: Delivery, outcome: Outcome): string | null {
    const { attempts: attempt } = delivery;
    this.lazyStarts.delete(nameOf(delivery));
    return this.apply({ type: 'endAttempt', ...this.named(delivery), attempt, outcome });
  }

  /** The exchange is given up; whether its handler acted is unknown. */
  lose(delivery: Delivery): string | null {
    this.lazyStarts.delete(nameOf(delivery));
    return this.apply({ type: 'loseAttempt', ...this.named(delivery), attempt: delivery.attempts });
  }

  writeStarts(): void {
    this.journal.push(...this.lazyStarts.values());
    this.lazyStarts.clear();
  }

  /** Another dispatcher takes the run over: all it has is the journal. */
  takeOver(): void {
    for (const start of this.lazyStarts.values()) this.#observer.forgotten?.(start);
    this.lazyStarts.clear();
    this.state = fold(this.plan, this.journal);
    this.due.clear();
    for (const delivery of dueDeliveries(this.state)) this.due.set(nameOf(delivery), delivery);
    this.wakes.clear();
    for (const wake of wakes(this.state)) this.#noteWake(wake);
    this.apply({ type: 'loseAttempts' });
  }

  /** Sends whatever is due, and ends what is open with the answer for its name, until nothing is left. */
  runToEnd(answerFor: (name: string, delivery: Delivery) => Outcome): void {
    if (this.state.state === 'pending') this.apply({ type: 'start' });
    for (;;) {
      for (const delivery of this.due.values()) this.send(delivery);
      const open = openDeliveries(this.state)[0];
      if (!open && this.due.size === 0) return;
      if (open) this.end(open, answerFor(this.nameOf(open), open));
    }
  }

  delivery(name: string): Delivery {
    const { steps, hooks } = this.state;
    const all = [...steps.flatMap((step) => [step.delivery, step.compensation]), ...hooks];
    const found = all.findLast((delivery) => delivery && this.nameOf(delivery) === name);
    if (!found) throw new Error(`no delivery ${name}`);
    return found;
  }

  dueNames(): string[] {
    return [...this.due.values()].map((delivery) => this.nameOf(delivery)).sort();
  }

  /** `charge`, `undo charge`, or `hook`, which of several is the last one. */
  nameOf(delivery: Delivery): string {
    if (delivery.kind === 'hook') return 'hook';
    const { id } = this.state.plan.steps[delivery.index]!;
    return delivery.kind === 'step' ? id : `undo ${id}`;
  }

  named(delivery: Delivery): ReturnType<typeof nameOfDelivery> {
    return nameOfDelivery(this.state, delivery);
  }

  /** Names of the deliveries in the order of their events of this type. */
  eventsOf(type: RunEvent['type']): string[] {
    return this.journal
      .filter((event) => event.type === type)
      .map((event) => ('step' in event && event.step) || '');
  }

  #record(event: RunEvent): void {
    this.journal.push(event);
    this.#observer.event?.(event);
  }
}

export function nameOf({ kind, index, round }: Delivery): string {
  return `${kind}:${kind === 'hook' ? round : index}`;
}

/** Folds a journal as a new owner reads it: through JSON. */
export function fold(plan: Plan, journal: readonly RunEvent[]): RunState {
  const state = createRunState(plan, 'run_test', context);
  for (const event of JSON.parse(JSON.stringify(journal)) as RunEvent[]) evolve(state, event);
  return state;
}

/** Everything a state holds, as text. Plans are left out; the lane's heap hides its items. */
export function snapshot(state: RunState): string {
  return JSON.stringify(state, (key, value) => {
    if (key === 'plan' || key === 'ownPlan') return undefined;
    if (key === 'laneQueue') return value.size;
    if (value instanceof Map || value instanceof Set) return [...value];
    if (value === Number.POSITIVE_INFINITY && key === 'pendingUntil') return 'the end of a child';
    if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${key} is ${value}`);
    return value;
  });
}
