import {
  begin,
  type Callback,
  type Command,
  createRunState,
  type Delivery,
  dueDeliveries,
  evolve,
  findDelivery,
  isSendable,
  nameOfDelivery,
  openDeliveries,
  type Rejection,
  type RunEvent,
  type RunState,
  restOnStarts,
  transact,
  type WakeTarget,
  wakes,
} from '@waybill/engine';
import { type InboxRow, type JournalEntry, type NewRun, type RunRef, StoreError } from '@waybill/store';
import { CollectedEffects } from './collected-effects.ts';
import type { DriverContext } from './driver-context.ts';
import type { Applied, DriverOptions, EndedExchange, Quarantine } from './driver-types.ts';
import { type Extra, entryOf } from './journal-entry.ts';
import type { Project } from './project-cache.ts';
import { RunOutbox } from './run-outbox.ts';
import { RunTimers } from './run-timers.ts';

/** Commands for runs that have ended. */
const reopeningTypes: ReadonlySet<string> = new Set(['retry', 'resendHook']);

/**
 * Drives one owned run: turns answers, timers and commands into transitions, appends them to the journal,
 * and lets out what became due once it is durable. Memory runs ahead of the journal by what is in flight;
 * when a flush fails, the driver is discarded and the run loaded again.
 */
export class RunDriver {
  readonly runUuid: string;
  readonly info: DriverOptions['info'];
  readonly project: Project;
  readonly state: RunState;
  readonly #ref: RunRef;
  readonly #context: DriverContext;
  readonly #timers: RunTimers;
  /** Commands answered: a look at the inbox from before the commit of an answer shows its row once more. */
  readonly #answered = new Set<string>();
  readonly #outbox: RunOutbox;
  #isDiscarded = false;
  /** The entry with which it leaves the queue is on its way. */
  #isLeaving = false;

  constructor({ runUuid, plan, info, project, context }: DriverOptions) {
    this.runUuid = runUuid;
    this.info = info;
    this.project = project;
    this.#context = context;
    const { stepsMax, subWorkflowDepthMax } = context.limits;
    const limits = { stepsMax, subWorkflowDepthMax };
    this.state = createRunState(plan, info.id, info.context, limits);
    this.#ref = { uuid: runUuid, seq: 0, isDiscarded: false };
    this.#timers = new RunTimers({
      state: this.state,
      timers: context.timers,
      guard: (fire) => this.#guard(fire),
      onRetry: (delivery) => this.#outbox.enqueue(delivery),
      onWake: (target) => this.#wake(target),
      onTimeout: () => this.#beforeTimeout(() => this.apply({ type: 'timeOut' })),
    });
    this.#outbox = new RunOutbox(this, context, this.#timers);
  }

  /** Of the newest row that the journal was given. */
  get seq(): number {
    return this.#ref.seq;
  }

  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  /** A run that this dispatcher creates and owns from its first row on. Resolves when it is durable. */
  create(run: NewRun): Promise<void> {
    const effects = new CollectedEffects();
    const event: RunEvent = { type: 'run.created', at: run.createdAtMs, started: true };
    const events = begin(this.state, event, effects);
    return this.#append({ events, effects }, { create: run });
  }

  /**
   * Folds the journal and takes up what it left: exchanges of an earlier owner are lost. False when there
   * is nothing left to drive, unless a command reopens the run. A run to be quarantined sends nothing before.
   */
  resume(
    journal: readonly { readonly seq: number; readonly event: RunEvent }[],
    quarantine: Quarantine | null = null,
  ): boolean {
    for (const { seq, event } of journal) {
      evolve(this.state, event);
      this.#ref.seq = seq;
      if ('commandId' in event) this.#answered.add(event.commandId);
    }
    if (this.state.phase === 'done') return false;
    if (quarantine) {
      this.apply({ type: 'quarantine', ...quarantine });
      return true;
    }
    // Before the commands below: what they make due follows their own commit.
    const due = dueDeliveries(this.state);
    const waking = wakes(this.state);
    if (this.state.state === 'pending') this.#start();
    else if (openDeliveries(this.state).length > 0) this.apply({ type: 'loseAttempts' });
    this.#outbox.letOut({ dueDeliveries: due, wakes: waking, revokedDeliveries: [], onCommit: null });
    return true;
  }

  /** Now, or when its time has come. */
  #start(): void {
    if (this.apply({ type: 'start' })?.code === 'not_yet') {
      this.#timers.callAt(this.state.startAt!, () => this.apply({ type: 'start' }));
    }
  }

  /** Whether a command has been answered, if perhaps not durably yet. */
  hasAnswered(commandId: string): boolean {
    return this.#answered.has(commandId);
  }

  /** Decides, changes memory at once, and records. Effects follow the commit. */
  apply(command: Command, extra: Extra = {}): Rejection | null {
    if (this.#isDiscarded) return null;
    const transition = this.#transact(command, this.#context.clock.now());
    if ('rejection' in transition) return transition.rejection;
    if (transition.events.length > 0) this.#record(transition, extra);
    return null;
  }

  /** A command from the inbox: its row goes in the flush that records the outcome. */
  applyFromInbox(row: InboxRow, command: Command, refusal: Rejection | null = null): void {
    if (this.#isDiscarded || this.#answered.has(row.id)) return;
    // Behind the end it keeps the run in the queue, and is read again when the run is loaded anew.
    if (this.#isLeaving && reopeningTypes.has(command.type)) return;
    this.#answered.add(row.id);
    const now = this.#context.clock.now();
    const transition = refusal ? { rejection: refusal } : this.#transact(command, now);
    const consumed = [row.id];
    if (!('rejection' in transition)) return this.#record(transition, { consumed });
    const { code, message: detail, limit } = transition.rejection;
    const refused: RunEvent = { type: 'command.refused', at: now, commandId: row.id, code, detail, limit };
    this.#record({ events: [refused], effects: new CollectedEffects(), isEnding: false }, { consumed });
  }

  #transact(command: Command, now: number): Applied | { readonly rejection: Rejection } {
    const effects = new CollectedEffects();
    const endingBefore = this.state.ending;
    const transition = transact(this.state, command, now, effects);
    if ('rejection' in transition) return transition;
    return { events: transition.events, effects, isEnding: this.state.ending !== endingBefore };
  }

  /** What a callback ends or extends has to be in the journal as started before it. */
  applyCallback(row: InboxRow, command: Callback): void {
    const delivery = findDelivery(this.state, { delivery: 'step', step: command.step });
    if (delivery && !this.#isDiscarded) this.#context.lazyStarts.recordNow(delivery);
    this.applyFromInbox(row, command);
  }

  /** Called by the send queue when a socket is free. */
  send(delivery: Delivery): void {
    this.#guard(() => this.#send(delivery));
  }

  /** Still so: while it waited it may have ended, or another round may have put one of its own in its place. */
  isToSend(delivery: Delivery): boolean {
    if (delivery.open || delivery.state !== 'open' || !isSendable(this.state, delivery)) return false;
    return findDelivery(this.state, this.#name(delivery)) === delivery;
  }

  #send(delivery: Delivery): void {
    const now = this.#context.clock.now();
    if (this.#isDiscarded || !this.isToSend(delivery)) return;
    if (delivery.retryAt !== null && delivery.retryAt > now) return;
    const heldUntil = this.#context.endpoints.heldUntil(this, delivery, now);
    if (heldUntil !== null) {
      this.#timers.retryAt(delivery, heldUntil);
      // It may have come from among these, and leaves its place.
      return this.#outbox.releaseHeld();
    }
    const started = this.#transact({ type: 'startAttempt', ...this.#name(delivery) }, now);
    if ('rejection' in started) {
      if (started.rejection.code === 'at_capacity') this.#outbox.hold(delivery);
      return;
    }
    // Too late for another attempt.
    if (!delivery.open) return this.#record(started, {});
    if (isOnceAtMost(this.state, delivery)) {
      // Whether it was sent must be known whatever becomes of this process.
      started.effects.onCommit = () => this.#outbox.exchange(delivery);
      return this.#record(started, {});
    }
    // A start that lets `inProgress` steps go is a fact that something depends on: it does not wait.
    const { dueDeliveries, wakes } = started.effects;
    if (dueDeliveries.length + wakes.length > 0 || started.events.length > 1) this.#record(started, {});
    else this.#context.lazyStarts.add(delivery, () => this.#guard(() => this.#record(started, {})));
    this.#context.exchange(this, delivery);
  }

  /** `giveUpAfter` has run out between two attempts: what would start the next one ends the delivery. */
  giveUpLate(delivery: Delivery, at: number): void {
    const isCurrent = findDelivery(this.state, this.#name(delivery)) === delivery;
    if (delivery.open || !isCurrent || this.#context.clock.now() < at) return;
    this.apply({ type: 'startAttempt', ...this.#name(delivery) });
  }

  /** The exchange is over. `attempt` guards against an answer that was given up meanwhile. */
  endAttempt(delivery: Delivery, attempt: number, ended: EndedExchange): void {
    // Ended meanwhile by a callback, a cancel or a timeout: there may be another attempt by now.
    if (this.#isDiscarded || !delivery.open || delivery.attempts !== attempt) return;
    this.#context.lazyStarts.drop(delivery);
    const name = { ...this.#name(delivery), attempt };
    if (ended === 'lost') this.apply({ type: 'loseAttempt', ...name });
    else this.apply({ type: 'endAttempt', ...name, outcome: ended });
  }

  /** Forgets everything: the journal is the truth. */
  discard(): void {
    this.#isDiscarded = true;
    this.#timers.clear();
    for (const delivery of openDeliveries(this.state)) this.#outbox.giveUp(delivery);
    this.#context.queue.remove(this);
  }

  /** Around all that nobody calls who could catch: what our code throws over this run ends this run alone. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#context.onCrash(this, error);
    }
  }

  #name(delivery: Delivery) {
    return nameOfDelivery(this.state, delivery);
  }

  /** Appends and lets the effects out on commit; a failure has been dealt with when it gets here. */
  #record(applied: Applied, extra: Extra): void {
    const { events, effects, isEnding } = applied;
    if (isEnding || restOnStarts(events)) this.#recordStarts(effects);
    // A start that is still kept back would follow the end of its delivery, and no fold could take it.
    for (const delivery of effects.revokedDeliveries) this.#context.lazyStarts.drop(delivery);
    this.#append(applied, extra).catch(() => {});
    // Not before: what a delivery that is let go decides at once rests on this, and must follow it in the journal.
    this.#outbox.releaseHeld();
  }

  /**
   * A run that drains or ends early treats open exchanges unlike unsent steps, so their starts, which
   * otherwise may be left out, have to be in the journal before it.
   */
  #recordStarts(effects: CollectedEffects): void {
    for (const delivery of [...openDeliveries(this.state), ...effects.revokedDeliveries]) {
      this.#context.lazyStarts.recordNow(delivery);
    }
  }

  async #append(applied: Pick<Applied, 'events' | 'effects'>, extra: Extra): Promise<void> {
    const entry = entryOf(this, this.#ref, applied, extra, this.#context);
    if (entry.done) this.#isLeaving = true;
    const { journal } = this.#context;
    try {
      await journal.append(entry);
    } catch (error) {
      this.#failed(error);
      throw error;
    }
    this.#committed(applied.effects, entry);
  }

  #committed(effects: CollectedEffects, entry: JournalEntry): void {
    if (!this.#isDiscarded) this.#guard(() => this.#outbox.letOut(effects));
    // Also behind the end of the run: what is durable is told.
    this.#context.onCommit(this, entry.events);
    // Not `state.phase`: memory may be done while the entry that says so is still on its way.
    if (entry.done && !this.#isDiscarded) this.#context.onDone(this);
  }

  #failed(error: unknown): void {
    if (this.#isDiscarded) return;
    this.#context.onFailure(
      this,
      error instanceof StoreError ? error : new StoreError('run_refused', String(error), error),
    );
  }

  /** What is in the inbox comes first: a callback, or a signal, that was stored in time beats the timeout. */
  #wake(target: WakeTarget): void {
    if (target.kind === 'attempt')
      return this.#beforeTimeout(() => this.apply({ type: 'expireAttempt', ...target }));
    const wake = () => this.apply({ type: 'wakeStep', step: target.step });
    const index = this.state.plan.indexById.get(target.step)!;
    if (this.state.plan.steps[index]!.kind === 'wait') this.#beforeTimeout(wake);
    else wake();
  }

  #beforeTimeout(fire: () => void): void {
    this.#context.beforeTimeout(() => this.#guard(fire));
  }
}

function isOnceAtMost({ plan }: RunState, { kind, index }: Delivery): boolean {
  return kind === 'step' && plan.steps[index]!.definition.delivery === 'at-most-once';
}
