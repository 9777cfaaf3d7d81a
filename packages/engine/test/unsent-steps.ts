/** What may happen to steps before they are sent, and to those that never are. */
import { type Book, check } from './book.ts';

export function judged(book: Book, isTrue: boolean): void {
  check(book.wantsVerdict && book.end === null, `${book.step.id} is judged although it need not be`);
  check(isTrue === (book.step.when === 'context.yes'), `${book.step.when} is ${isTrue}`);
  Object.assign(book, { wantsVerdict: false, isJudged: isTrue });
  if (!isTrue) Object.assign(book, { end: 'K', reason: 'condition_not_met' });
}

/** Its expression cannot be evaluated, or its signal did not come. */
export function mayFault(book: Book): void {
  const isExpression = book.wantsVerdict && book.step.when === 'context.missing';
  const isSignal = book.hasBegun && book.step.waitFor?.timeout !== undefined;
  check(isExpression || isSignal, `${book.step.id} fails unsent for no reason`);
  Object.assign(book, { wantsVerdict: false, isJudged: true, isReady: false });
}

export function began(book: Book): void {
  check(book.isReady && !book.isDelayed && !book.hasBegun, `${book.step.id} begins before its time`);
  book.hasBegun = true;
}

export function woken(book: Book): void {
  check(book.isReady && book.isDelayed && !book.hasBegun, `${book.step.id} waits for no time`);
  book.isDelayed = false;
}

export function over(book: Book): void {
  const { sleep, waitFor } = book.step;
  check(book.isReady && book.hasBegun, `${book.step.id} has not begun`);
  check(sleep !== undefined || waitFor?.default !== undefined, `${book.step.id} has no default`);
  book.end = 'S';
}

export function signalled(book: Book): void {
  check(
    book.isReady && !book.isDelayed && book.step.waitFor !== undefined,
    `${book.step.id} waits for no signal`,
  );
  book.end = 'S';
}
