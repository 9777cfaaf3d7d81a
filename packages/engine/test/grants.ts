import type { StepDefinition } from '../src/index.ts';
import { type Book, check, isActive } from './book.ts';

/** Ready steps go at once; of those in the serial lane the first in definition order, when it is free. */
export class Grants {
  readonly #books: readonly Book[];
  /** Indices: a step may be due in the commit that adds it. */
  #due: number[] = [];
  /** By the answer that this commit records: they are there before it ends its step, and may take a free lane. */
  #added: readonly string[] = [];

  /** @param books those of the run, also the ones that it gets later. */
  constructor(books: readonly Book[]) {
    this.#books = books;
  }

  due(index: number): void {
    this.#due.push(index);
  }

  added(steps: readonly StepDefinition[]): void {
    this.#added = steps.map(({ id }) => id);
  }

  /** To be called after every commit. */
  check(): void {
    // Not what was due and cut off in one commit.
    const isDue = (book: Book) => !book.isGranted && (book.isReady || isActive(book));
    const fresh = this.#due.map((index) => this.#books[index]!).filter(isDue);
    this.#due = [];
    for (const book of fresh) book.isGranted = true;
    const unended = this.#books.filter(({ end }) => end === null);
    const isSent = ({ step }: Book) => step.sleep === undefined && step.waitFor === undefined;
    const kept = unended.filter((book) => book.isReady && !book.isGranted && isSent(book) && !book.isDelayed);
    check(
      kept.every((book) => book.isSerial),
      `${kept.map((book) => book.step.id)} could go`,
    );
    const granted = unended.filter((book) => book.isSerial && book.isGranted && !book.awaitsRound);
    check(granted.length === Math.min(1, granted.length + kept.length), `${granted.length} hold the lane`);
    this.#checkOrder(
      fresh.find((book) => book.isSerial),
      kept[0],
    );
    this.#added = [];
  }

  #checkOrder(holder: Book | undefined, first: Book | undefined): void {
    if (!holder || !first || this.#added.includes(holder.step.id)) return;
    const isInOrder = this.#books.indexOf(holder) < this.#books.indexOf(first);
    check(isInOrder, `${holder.step.id} went before ${first.step.id} in the serial lane`);
  }
}
