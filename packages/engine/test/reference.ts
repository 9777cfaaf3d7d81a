import type { Delivery, Plan, RunEvent, RunState, StepDefinition, StepReason } from '../src/index.ts';
import { type Book, check, isActive, newBook, reasonOfSkip, stateOf, unready } from './book.ts';
import { Grants } from './grants.ts';
import { checkInputs, endedIds, noteInputs } from './inputs.ts';
import { failurePathOf, fateOf, runsAfterCancel } from './table.ts';
import { began, judged, mayFault, over, signalled, woken } from './unsent-steps.ts';

/**
 * A second, slow implementation of semantics.md. It takes the reported facts from the journal and works out the rest
 * (who is ready, skipped, cut off, cancelled) by looking at every step again after every event.
 */
export class Reference {
  readonly #plan: Plan;
  readonly #books: Book[];
  readonly #grants: Grants;
  #failurePath: ReadonlySet<string>;
  #phase: 'pending' | 'running' | 'draining' | 'drained' | 'over' = 'pending';
  #cause: 'failed' | 'cancelled' | null = null;
  #failedStep: string | null = null;
  #rounds = 0;
  #startedAt = 0;
  /** Losers of joins, in the order in which they failed. */
  readonly #absorbed: Book[] = [];
  /** When an event came, by the step that it ended. */
  readonly #failedAt = new Map<string, number>();

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#failurePath = failurePathOf(plan.definition.steps);
    this.#books = plan.definition.steps.map(newBook);
    this.#grants = new Grants(this.#books);
  }

  get isDraining(): boolean {
    return this.#phase === 'draining';
  }

  event(event: RunEvent): void {
    const endedBefore = new Set(endedIds(this.#books));
    if ('step' in event && event.step !== undefined) this.#failedAt.set(event.step, event.at);
    if ('delivery' in event) {
      if (event.delivery === 'step') this.#stepEvent(event, this.#book(event.step!));
    } else this.#runEvent(event);
    if (this.#phase === 'running' || this.#phase === 'drained') this.#settle(event.at);
    noteInputs(this.#books, endedBefore);
  }

  #stepEvent(event: RunEvent & { delivery: string; attempt: number }, book: Book): void {
    if (event.type === 'attempt.started') return this.#started(book, event.attempt);
    check(book.isInFlight, `${event.type} of ${book.step.id}, which is not in flight`);
    book.isInFlight = false;
    if (event.type === 'step.completed') book.end = 'S';
    else if (event.type === 'step.failed') this.#failed(book);
    else {
      check(!this.isDraining, `${book.step.id} is to be sent again although the run drains`);
      check(book.step.delivery === undefined, `${book.step.id} is to be sent again, at-most-once`);
    }
  }

  #runEvent(event: RunEvent): void {
    switch (event.type) {
      case 'run.created':
        if (event.started) this.#phase = 'running';
        return;
      case 'steps.added':
        this.#grants.added(event.steps);
        return this.#added(event.steps, event.at);
      case 'step.admitted':
      case 'step.declined':
        return judged(this.#book(event.step), event.type === 'step.admitted');
      case 'step.faulted':
        mayFault(this.#book(event.step));
        return this.#failed(this.#book(event.step));
      case 'step.given_up':
        check(
          isActive(this.#book(event.step)),
          `${event.step} is given up although it has no attempts behind it`,
        );
        return this.#failed(this.#book(event.step));
      case 'step.began':
        return began(this.#book(event.step));
      case 'step.woken':
        return woken(this.#book(event.step));
      case 'wait.over':
        return over(this.#book(event.step));
      case 'signal.taken':
        return signalled(this.#book(event.step));
      case 'run.started':
        this.#startedAt = event.at;
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

  /** Whatever a run that is ending would cut off is cut off from the start. */
  #added(steps: readonly StepDefinition[], at: number): void {
    const added = steps.map((step) => ({ ...newBook(step), bornAt: at }));
    for (const book of added) {
      check(!this.#books.some(({ step }) => step.id === book.step.id), `${book.step.id} is added twice`);
      this.#books.push(book);
    }
    this.#failurePath = failurePathOf(this.#books.map(({ step }) => step));
    for (const book of this.#cause === null ? [] : added) {
      const isTaken =
        this.#cause === 'failed' ? this.#failurePath.has(book.step.id) : runsAfterCancel(book.step);
      if (isTaken) continue;
      const fate =
        this.#cause === 'failed' ? { end: 'B', reason: 'run_failed' } : { end: 'C', reason: 'run_cancelled' };
      Object.assign(book, fate);
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
    const wasTried = book.wasSent || book.hasBegun;
    if (policy === 'continue') book.end = 'f';
    else if (this.#cause !== null) book.end = 'F';
    else if (this.#isAbsorbed(book)) {
      book.end = 'F';
      this.#absorbed.push(book);
    } else if (policy === 'retry' && wasTried && this.#rounds < roundsMax) book.awaitsRound = true;
    else this.#cutOff(book);
  }

  #isAbsorbed({ step: { id } }: Book): boolean {
    const failedAt = this.#failedAt.get(id)!;
    const below = this.#books.filter(({ step, bornAt }) => step.dependsOn.includes(id) && bornAt <= failedAt);
    const isInReach = ({ step: { join = 0, dependsOn }, end }: Book) => {
      const others = dependsOn.filter((other) => other !== id).map((other) => this.#book(other).end);
      const met = others.filter((other) => other === 'S').length;
      const open = others.filter((other) => other === null).length;
      return join > 0 && (met >= join || (end === null && met + open >= join));
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
      else if (this.#failurePath.has(id)) Object.assign(book, unready);
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
      const fresh = {
        awaitsRound: false,
        isReady: true,
        isGranted: false,
        firstOfRound: book.attempts + 1,
        hasBegun: false,
        inputs: null,
      };
      Object.assign(book, fresh);
    }
  }

  #giveUpRounds(): void {
    for (const book of this.#books.filter(({ awaitsRound }) => awaitsRound)) {
      Object.assign(book, { awaitsRound: false, end: 'F' });
    }
  }

  #timedOut(reason: StepReason): void {
    if (reason !== 'run_timeout' || this.#cause === null) this.#cause = 'failed';
    this.#phase = 'draining';
    this.#giveUpRounds();
    for (const book of this.#unended()) {
      Object.assign(book, { end: book.wasSent ? 'F' : 'C', reason, isInFlight: false });
    }
  }

  #cancelled(): void {
    const hasStarted = this.#phase !== 'pending';
    this.#cause = 'cancelled';
    this.#failedStep = null;
    this.#phase = 'draining';
    this.#giveUpRounds();
    for (const book of this.#unended()) {
      const isSpared = hasStarted && !book.wasSent && runsAfterCancel(book.step);
      const cancelled = { end: 'C', reason: 'run_cancelled', isInFlight: false };
      Object.assign(book, isSpared ? unready : cancelled);
    }
  }

  #settle(at: number): void {
    for (let isStable = false; !isStable; ) {
      isStable = true;
      for (const book of this.#unended()) {
        if (book.wasSent || book.isReady || book.wantsVerdict || book.awaitsRound) continue;
        const fate = fateOf(
          book.step,
          book.step.dependsOn.map((id) => {
            const { end, wasSent, hasBegun } = this.#book(id);
            return { end, wasSent: wasSent || hasBegun || end === 'S' };
          }),
        );
        if (fate === 'wait') continue;
        isStable = false;
        if (fate === 'run') this.#holds(book, at);
        else if (fate === 'blocked') Object.assign(book, { end: 'B', reason: 'upstream_failed' });
        else Object.assign(book, { end: 'K', reason: reasonOfSkip(book.step) });
      }
    }
    const bearing = this.#absorbed.find((book) => !this.#isAbsorbed(book));
    if (bearing && this.#cause === null) this.#cutOff(bearing);
  }

  /** Its condition holds: its `when` comes first, then its delay. */
  #holds(book: Book, at: number): void {
    const { when, delay } = book.step;
    if (when !== undefined && !book.isJudged) {
      book.wantsVerdict = true;
      return;
    }
    book.isReady = true;
    const from = Math.max(this.#startedAt, book.bornAt);
    book.isDelayed = delay !== undefined && from + delay * 1000 > at;
  }

  due({ kind, index }: Delivery): void {
    if (kind === 'step') this.#grants.due(index);
  }

  /** To be called after every commit. */
  committed(state: RunState): void {
    this.#books.forEach((book, index) => {
      const { state: name, reason } = state.steps[index]!;
      const expected = stateOf(book);
      const is = `${name} ${reason}`;
      check(is === expected, `${book.step.id} is ${is}; it should be ${expected}`);
      if (book.isGranted && book.end === null) checkInputs(book, state, index);
    });
    const cause = this.#failedStep ?? undefined;
    check(state.error?.stepId === cause, `the run's error names ${state.error?.stepId}, not ${cause}`);
    this.#grants.check();
    if (this.#phase === 'running') {
      const isMoving = this.#books.some((book) => book.end === null && (book.isReady || isActive(book)));
      check(isMoving, 'neither an end nor a round although nothing is active');
    }
  }

  #unended(): Book[] {
    return this.#books.filter((book) => book.end === null);
  }

  #book(id: string): Book {
    return this.#books.find(({ step }) => step.id === id)!;
  }
}
