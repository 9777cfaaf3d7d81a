/** Which results a step is sent: of those above it that had ended when it became ready. */
import { previousSteps, type RunState } from '../src/index.ts';
import { type Book, check } from './book.ts';

export function endedIds(books: readonly Book[]): string[] {
  return books.filter(({ end, awaitsRound }) => end !== null || awaitsRound).map(({ step }) => step.id);
}

/** What became ready with this event is sent what had ended above it by then. */
export function noteInputs(books: readonly Book[], endedBefore: ReadonlySet<string>): void {
  const fresh = books.filter((book) => (book.isReady || book.wantsVerdict) && book.inputs === null);
  if (fresh.length === 0) return;
  const ended = endedIds(books);
  for (const book of fresh) {
    const above = idsAbove(books, book);
    const most = ended.filter((id) => above.has(id));
    // Of what ended with the same event some may have come after it.
    book.inputs = { least: most.filter((id) => endedBefore.has(id)), most };
  }
}

function idsAbove(books: readonly Book[], book: Book): Set<string> {
  const dependsOn = new Map(books.map(({ step }) => [step.id, step.dependsOn]));
  const found = new Set(book.step.dependsOn);
  for (const id of found) for (const next of dependsOn.get(id)!) found.add(next);
  return found;
}

export function checkInputs({ step, inputs }: Book, state: RunState, index: number): void {
  const sent = previousSteps(state, state.steps[index]!).map(({ plan }) => plan.id);
  const { least, most } = inputs!;
  const isWhole = least.every((id) => sent.includes(id)) && sent.every((id) => most.includes(id));
  check(isWhole, `${step.id} is sent the results of ${sent}; it should be those of ${most}`);
}
