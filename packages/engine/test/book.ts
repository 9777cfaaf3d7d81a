import type { StepDefinition, StepReason } from '../src/index.ts';
import { conditionNameOf, type End } from './table.ts';

/** What is known of one step. */
export interface Book {
  readonly step: StepDefinition;
  readonly isSerial: boolean;
  /** When it was added to the run; 0 if the definition has it. */
  readonly bornAt: number;
  end: End | null;
  reason: StepReason | null;
  isReady: boolean;
  /** Its condition holds, and its `when` is to be evaluated. */
  wantsVerdict: boolean;
  isJudged: boolean;
  /** Its time has not come. */
  isDelayed: boolean;
  /** It sleeps, or waits for a signal. */
  hasBegun: boolean;
  /** The engine let it go: it has the lane, or needs none. */
  isGranted: boolean;
  wasSent: boolean;
  isInFlight: boolean;
  /** Failed under policy `retry`: the next round sends it again. */
  awaitsRound: boolean;
  /** Ids of what it is sent, once it is ready: at least, and at most. */
  inputs: { readonly least: readonly string[]; readonly most: readonly string[] } | null;
  attempts: number;
  /** Number of the first attempt of the round it is in. */
  firstOfRound: number;
}

/** Sent and not ended, back-off included. */
export const isActive = (book: Book) =>
  book.wasSent && !book.isReady && book.end === null && !book.awaitsRound;

export const unready = {
  isReady: false,
  isGranted: false,
  wantsVerdict: false,
  isDelayed: false,
  hasBegun: false,
  isJudged: false,
  inputs: null,
};

export function newBook(step: StepDefinition): Book {
  const isSent = step.sleep === undefined && step.waitFor === undefined;
  return {
    step,
    isSerial: isSent && !step.parallel && step.runCondition !== 'inProgress',
    bornAt: 0,
    end: null,
    reason: null,
    ...unready,
    wasSent: false,
    isInFlight: false,
    awaitsRound: false,
    attempts: 0,
    firstOfRound: 1,
  };
}

/** An onSuccess step is skipped only when all above it was. */
export const reasonOfSkip = (step: StepDefinition) =>
  conditionNameOf(step) === 'onSuccess' ? 'upstream_skipped' : 'condition_not_met';

const names = {
  S: 'completed',
  F: 'failed',
  f: 'failed',
  C: 'cancelled',
  K: 'skipped',
  B: 'skipped',
} as const;

export function stateOf(book: Book): string {
  if (book.awaitsRound) return 'failed null';
  if (book.end !== null) return `${names[book.end]} ${book.reason}`;
  if (isActive(book)) return 'running null';
  if (book.wantsVerdict) return 'still to be judged';
  return book.isReady ? 'waiting null' : 'pending null';
}

export function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}
