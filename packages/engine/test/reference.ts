import type { Delivery, Plan, RunEvent, RunState, StepDefinition, StepReason } from '../src/index.ts';
import { conditionNameOf, type End, failurePathOf, fateOf, runsAfterCancel } from './table.ts';

/** What is known of one step. */
interface Book {
  readonly step: StepDefinition;
  readonly isSerial: boolean;
  end: End | null;
  reason: StepReason | null;
  isReady: boolean;
  /** The engine let it go: it has the lane, or needs none. */
  isGranted: boolean;
  wasSent: boolean;
  isInFlight: boolean;
  /** Failed under policy `retry`: the next round sends it again. */
  awaitsRound: boolean;
  attempts: number;
  /** Number of the first attempt of the round it is in. */
  firstOfRound: number;
}

/**
 * A second, slow implementation of semantics.md. It takes the reported facts from the journal and works out the rest
 * (who is ready, skipped, cut off, cancelled) by looking at every step again after every event.
 */
export class Reference {
  readonly #plan: Plan;
  readonly #books: readonly Book[];
  readonly #failurePath: ReadonlySet<string>;
  #phase: 'pending' | 'running' | 'draining' | 'drained' | 'over' = 'pending';
  #cause: 'failed' | 'cancelled' | null = null;
  #failedStep: string | null = null;
  #rounds = 0;
  #dueSteps: Book[] = [];
  /** Losers of joins, in the order in which they failed. */
  readonly #absorbed: Book[] = [];

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#failurePath = failurePathOf(plan.definition.steps);
    this.#books = plan.definition.steps.map((step) => ({
      step,
      isSerial: !step.parallel && step.runCondition !== 'inProgress',
      end: null,
      reason: null,
      isReady: false,
      isGranted: false,
      wasSent: false,
      isInFlight: false,
      awaitsRound: false,
      attempts: 0,
      firstOfRound: 1,
    }));
  }

  get isDraining(): boolean {
    return this.#phase === 'draining';
  }

  event(event: RunEvent): void {
    if ('delivery' in event) {
      if (event.delivery === 'step') this.#stepEvent(event, this.#book(event.step!));
    } else this.#runEvent(event);
    if (this.#phase === 'running' || this.#phase === 'drained') this.#settle();
  }

  #stepEvent(event: RunEvent & { delivery: string; attempt: number }, book: Book): void {
    if (event.type === 'attempt.started') return this.#started(book, event.attempt);
    check(book.isInFlight, `${event.type} of ${book.step.id}, which is not in flight`);
    book.isInFlight = false;
    if (event.type === 'step.completed') book.end = 'S';
    else if (event.type === 'step.failed') this.#failed(book);
    else check(!this.isDraining, `${book.step.id} is to be sent again although the run drains`);
  }

  #runEvent(event: RunEvent): void {
    switch (event.type) {
      case 'run.created':
        if (event.started) this.#phase = 'running';
        return;
      case 'run.started':
        check(this.#phase === 'pending', 'starts twice');
        this.#phase = 'running';
        return;
      case 'run.drained':
        check(this.isDraining, `drained although ${this.#phase}`);
        check(!this.#books.some((book) => book.isInFlight), 'drained with a step in flight');
        this.#phase = 'drained';
        return;
      case 'run.retrying':
        return this.#startRound(event.round);
      case 'run.timed_out':
        return this.#timedOut('run_timeout');
      case 'run.quarantined':
        this.#failedStep = null;
        return this.#timedOut('run_failed');
      case 'run.cancelling':
        return this.#cancelled();
      case 'run.compensating':
        return this.#over('failed', 'cancelled');
      case 'run.completed':
        return this.#over(null);
      case 'run.failed':
        return this.#over('failed');
      case 'run.cancelled':
        return this.#over('cancelled');
    }
  }

  #over(...causes: ('failed' | 'cancelled' | null)[]): void {
    check(causes.includes(this.#cause), `ends as ${causes} although the cause is ${this.#cause}`);
    const left = this.#books.filter((book) => book.end === null);
    check(left.length === 0, `ends before ${left.map((book) => book.step.id)}`);
    this.#phase = 'over';
  }

  #started(book: Book, attempt: number): void {
    const { id } = book.step;
    check(this.#phase === 'running' || this.#phase === 'drained', `${id} starts while ${this.#phase}`);
    check(book.end === null && !book.isInFlight && !book.awaitsRound, `${id} starts again`);
    check(book.isReady || isActive(book), `${id} starts although its condition does not hold`);
    check(attempt === book.attempts + 1, `attempt ${attempt} of ${id} after ${book.attempts}`);
    const holder = this.#books.find((other) => book.isSerial && other.isSerial && isActive(other));
    check(!holder || holder === book, `${id} overlaps ${holder?.step.id} in the serial lane`);
    Object.assign(book, { attempts: attempt, isReady: false, wasSent: true, isInFlight: true });
  }

  /** The owner died before this start was written: the run does not know of it. */
  forgotten(id: string, attempt: number): void {
    const book = this.#book(id);
    book.isInFlight = false;
    book.attempts = attempt - 1;
    if (attempt === book.firstOfRound) book.isReady = true;
    if (attempt === 1) book.wasSent = false;
  }

  /** "A failed step" of semantics.md. */
  #failed(book: Book): void {
    const policy = book.step.failurePolicy ?? this.#plan.definition.failurePolicy;
    const roundsMax = this.#plan.definition.retryRounds ?? 1;
    if (policy === 'continue') book.end = 'f';
    else if (this.#cause !== null) book.end = 'F';
    else if (this.#isAbsorbed(book)) {
      book.end = 'F';
      this.#absorbed.push(book);
    } else if (policy === 'retry' && this.#rounds < roundsMax) book.awaitsRound = true;
    else this.#cutOff(book);
  }

  #isAbsorbed({ step: { id } }: Book): boolean {
    const below = this.#books.filter(({ step }) => step.dependsOn.includes(id));
    const isInReach = ({ step: { join, dependsOn } }: Book) => {
      const others = dependsOn.filter((other) => other !== id).map((other) => this.#book(other).end);
      return join !== undefined && others.filter((end) => end === null || end === 'S').length >= join;
    };
    return below.length > 0 && below.every(isInReach);
  }

  /** The first failure that is final and nobody's loss to bear. */
  #cutOff(failed: Book): void {
    this.#cause = 'failed';
    this.#phase = 'draining';
    this.#failedStep = failed.step.id;
    failed.end = 'F';
    this.#giveUpRounds();
    const below = this.#below(failed.step.id);
    for (const book of this.#unended()) {
      if (book.isInFlight) continue;
      const { id, failurePolicy = this.#plan.definition.failurePolicy } = book.step;
      if (book.wasSent) book.end = failurePolicy === 'continue' ? 'f' : 'F';
      else if (this.#failurePath.has(id)) Object.assign(book, { isReady: false, isGranted: false });
      else Object.assign(book, { end: 'B', reason: below.has(id) ? 'upstream_failed' : 'run_failed' });
    }
  }

  #below(top: string): Set<string> {
    const found = new Set([top]);
    for (let size = 0; size !== found.size; ) {
      size = found.size;
      for (const { step } of this.#books) if (step.dependsOn.some((id) => found.has(id))) found.add(step.id);
    }
    return found;
  }

  #startRound(round: number): void {
    const waiting = this.#books.filter((book) => book.awaitsRound);
    check(this.#phase === 'running' && waiting.length > 0, 'a round without a failed step');
    check(!this.#unended().some((book) => book.isReady || isActive(book)), 'a round beside active steps');
    check(round === ++this.#rounds && round <= (this.#plan.definition.retryRounds ?? 1), `round ${round}`);
    for (const book of waiting) {
      const fresh = { awaitsRound: false, isReady: true, isGranted: false, firstOfRound: book.attempts + 1 };
      Object.assign(book, fresh);
    }
  }

  #giveUpRounds(): void {
    for (const book of this.#books.filter(({ awaitsRound }) => awaitsRound)) {
      Object.assign(book, { awaitsRound: false, end: 'F' });
    }
  }

  #timedOut(reason: StepReason): void {
    this.#cause = 'failed';
    this.#phase = 'draining';
    this.#giveUpRounds();
    for (const book of this.#unended()) {
      Object.assign(book, { end: book.wasSent ? 'F' : 'C', reason, isInFlight: false });
    }
  }

  #cancelled(): void {
    const hasStarted = this.#phase !== 'pending';
    this.#cause = 'cancelled';
    this.#phase = 'draining';
    this.#giveUpRounds();
    for (const book of this.#unended()) {
      const isSpared = hasStarted && !book.wasSent && runsAfterCancel(book.step);
      const cancelled = { end: 'C', reason: 'run_cancelled', isInFlight: false };
      Object.assign(book, isSpared ? { isReady: false, isGranted: false } : cancelled);
    }
  }

  #settle(): void {
    for (let isStable = false; !isStable; ) {
      isStable = true;
      for (const book of this.#unended()) {
        if (book.wasSent || book.isReady) continue;
        const fate = fateOf(
          book.step,
          book.step.dependsOn.map((id) => this.#book(id)),
        );
        if (fate === 'wait') continue;
        isStable = false;
        if (fate === 'run') book.isReady = true;
        else if (fate === 'blocked') Object.assign(book, { end: 'B', reason: 'upstream_failed' });
        else Object.assign(book, { end: 'K', reason: reasonOfSkip(book.step) });
      }
    }
    const bearing = this.#absorbed.find((book) => !this.#isAbsorbed(book));
    if (bearing && this.#cause === null) this.#cutOff(bearing);
  }

  due({ kind, index }: Delivery): void {
    if (kind === 'step') this.#dueSteps.push(this.#books[index]!);
  }

  /** To be called after every commit. */
  committed(state: RunState): void {
    this.#books.forEach((book, index) => {
      const { state: name, reason } = state.steps[index]!;
      const expected = stateOf(book);
      const is = `${name} ${reason}`;
      check(is === expected, `${book.step.id} is ${is}; it should be ${expected}`);
    });
    const cause = this.#failedStep ?? undefined;
    check(state.error?.stepId === cause, `the run's error names ${state.error?.stepId}, not ${cause}`);
    this.#checkGrants();
    if (this.#phase === 'running') {
      const isMoving = this.#books.some((book) => book.end === null && (book.isReady || isActive(book)));
      check(isMoving, 'neither an end nor a round although nothing is active');
    }
  }

  /** Ready steps go at once; of those in the lane the first in definition order, when it is free. */
  #checkGrants(): void {
    const fresh = this.#dueSteps.filter((book) => !book.isGranted);
    this.#dueSteps = [];
    for (const book of fresh) book.isGranted = true;
    const kept = this.#unended().filter((book) => book.isReady && !book.isGranted);
    check(
      kept.every((book) => book.isSerial),
      `${kept.map((book) => book.step.id)} could go`,
    );
    const granted = this.#unended().filter((book) => book.isSerial && book.isGranted && !book.awaitsRound);
    check(granted.length === Math.min(1, granted.length + kept.length), `${granted.length} hold the lane`);
    const holder = fresh.find((book) => book.isSerial);
    const first = kept[0];
    const isInOrder = !holder || !first || this.#books.indexOf(holder) < this.#books.indexOf(first);
    check(isInOrder, `${holder?.step.id} went before ${first?.step.id} in the serial lane`);
  }

  #unended(): Book[] {
    return this.#books.filter((book) => book.end === null);
  }

  #book(id: string): Book {
    return this.#books[this.#plan.indexById.get(id)!]!;
  }
}

/** Sent and not ended, back-off included. */
const isActive = (book: Book) => book.wasSent && !book.isReady && book.end === null && !book.awaitsRound;

/** An onSuccess step is skipped only when all above it was. */
const reasonOfSkip = (step: StepDefinition) =>
  conditionNameOf(step) === 'onSuccess' ? 'upstream_skipped' : 'condition_not_met';

const names = {
  S: 'completed',
  F: 'failed',
  f: 'failed',
  C: 'cancelled',
  K: 'skipped',
  B: 'skipped',
} as const;

function stateOf(book: Book): string {
  if (book.awaitsRound) return 'failed null';
  if (book.end !== null) return `${names[book.end]} ${book.reason}`;
  if (isActive(book)) return 'running null';
  return book.isReady ? 'waiting null' : 'pending null';
}

export function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}
