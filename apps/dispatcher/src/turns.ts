/** First in, first out without shifting an array of ten thousand. */
class Fifo<Item> {
  readonly #items: Item[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): Item {
    return this.#items[this.#head]!;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item {
    return this.#items[this.#head++]!;
  }
}

/** Items by owner: owners take turns, each in its own order. */
export class Turns<Owner, Item> {
  readonly #waiting = new Map<Owner, Fifo<Item>>();

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** What its owner's turn brings. There must be one. */
  get next(): Item {
    return this.#waiting.values().next().value!.first;
  }

  push(owner: Owner, item: Item): void {
    const items = this.#waiting.get(owner) ?? new Fifo<Item>();
    items.push(item);
    this.#waiting.set(owner, items);
  }

  /** Takes `next` out; its owner goes to the end of the line. */
  shift(): void {
    const [owner, items] = this.#waiting.entries().next().value!;
    items.shift();
    // One alone keeps its turn: there is nobody to let by.
    if (items.length === 0 || this.#waiting.size > 1) this.#waiting.delete(owner);
    if (items.length > 0) this.#waiting.set(owner, items);
  }

  /** Answers how many were forgotten. */
  remove(owner: Owner): number {
    const count = this.#waiting.get(owner)?.length ?? 0;
    this.#waiting.delete(owner);
    return count;
  }
}
