import type { RunEvent } from '@waybill/engine';
import { definitionOf, definitionsOf, type Ending, endingOf, isRunEnd, stepOf } from './events.ts';
import type { ObservedRun } from './evidence.ts';

/** What a run's journal says against itself: I2, I4, I7. */
export function* journalFaults(run: ObservedRun): Generator<string> {
  const { runId, journal } = run;
  for (const [index, { seq }] of journal.entries()) {
    if (seq !== index + 1) {
      yield `I7 ${runId}: row ${index + 1} of the journal has seq ${seq}`;
      return;
    }
  }
  const reading = new Reading(run);
  for (const { event } of journal) yield* reading.next(event);
}

/** Goes through a journal once. */
class Reading {
  readonly #runId: string;
  readonly #definitions;
  /** Steps that have ended, and how. */
  readonly #endings = new Map<string, Ending>();
  /** By delivery: the newest attempt, and how many of this round count. */
  readonly #attempts = new Map<string, number>();
  readonly #spent = new Map<string, number>();
  readonly #closed = new Set<string>();
  #end: string | null = null;
  #ends = 0;

  constructor(run: ObservedRun) {
    this.#runId = run.runId;
    this.#definitions = definitionsOf(run);
  }

  *next(event: RunEvent): Generator<string> {
    if (event.type === 'run.retrying') this.#reopen(['failed']);
    if (event.type === 'run.reopened') {
      this.#end = null;
      this.#reopen(['failed', 'skipped']);
    }
    if (event.type === 'hook.reopened') this.#closed.delete(`hook ${event.round}`);
    if (isRunEnd(event)) yield* this.#runEnds(event);
    if ('attempt' in event) yield* this.#attempt(event);
    const ending = endingOf(event);
    if (ending !== null) yield* this.#stepEnds(event, ending);
  }

  #reopen(endings: readonly Ending[]): void {
    for (const [step, ending] of this.#endings) if (endings.includes(ending)) this.#endings.delete(step);
    this.#spent.clear();
  }

  *#runEnds({ type }: RunEvent): Generator<string> {
    if (this.#end !== null) yield `I2 ${this.#runId}: ${type} after ${this.#end}`;
    this.#end = type;
    this.#ends++;
  }

  *#stepEnds(event: RunEvent, ending: Ending): Generator<string> {
    const step = stepOf(event);
    const before = this.#endings.get(step);
    if (before !== undefined) yield `I2 ${this.#runId}: ${step} ended twice, ${before} and then ${ending}`;
    if (this.#end !== null) yield `I2 ${this.#runId}: ${step} ended after ${this.#end}`;
    this.#endings.set(step, ending);
  }

  *#attempt(event: Extract<RunEvent, { readonly attempt: number }>): Generator<string> {
    const { delivery, attempt, type } = event;
    const name = `${delivery} ${delivery === 'hook' ? (event.round ?? 0) : stepOf(event)}`;
    const newest = this.#attempts.get(name) ?? 0;
    this.#attempts.set(name, Math.max(newest, attempt));
    const isStart = type === 'attempt.started' || type === 'child.started';
    if (isStart && attempt <= newest) {
      yield `I7 ${this.#runId}: attempt ${attempt} of ${name} starts after attempt ${newest}`;
    }
    if (attempt > newest) yield* this.#startFaults(event, name);
    if (delivery !== 'step' && isDeliveryEnd(type)) {
      if (this.#closed.has(name)) yield `I2 ${this.#runId}: ${name} ended twice`;
      this.#closed.add(name);
    }
    yield* this.#count(event, name);
  }

  *#startFaults(
    { delivery, attempt, round = 0 }: { delivery: string; attempt: number; round?: number | undefined },
    name: string,
  ): Generator<string> {
    if (delivery === 'hook') {
      // Also one of an earlier round, while the present one goes on.
      if (round >= this.#ends) yield `I4 ${this.#runId}: the hook was sent before the end`;
      return;
    }
    if (this.#end !== null) yield `I4 ${this.#runId}: attempt ${attempt} of ${name} after ${this.#end}`;
    const ending = delivery === 'step' ? this.#endings.get(name.slice('step '.length)) : undefined;
    if (ending !== undefined) yield `I4 ${this.#runId}: attempt ${attempt} of ${name} after it ${ending}`;
    if (this.#closed.has(name)) yield `I4 ${this.#runId}: attempt ${attempt} of ${name} after its end`;
  }

  /** Lost attempts do not count; of the others there are at most `maxAttempts` a round. */
  *#count(event: Extract<RunEvent, { readonly attempt: number }>, name: string): Generator<string> {
    const { type, delivery } = event;
    if (type !== 'attempt.failed' && !isDeliveryEnd(type)) return;
    if ('error' in event && event.error?.code === 'attempt_lost') return;
    const spent = (this.#spent.get(name) ?? 0) + 1;
    this.#spent.set(name, spent);
    if (delivery === 'hook') return;
    const max = definitionOf(this.#definitions, stepOf(event))?.retries.maxAttempts ?? 100;
    if (spent > max) yield `I4 ${this.#runId}: ${spent} attempts of ${name} count, ${max} may`;
  }
}

function isDeliveryEnd(type: string): boolean {
  return /^(step|compensation)\.(completed|failed)$|^hook\./.test(type);
}
