import type { Delivery } from '@waybill/engine';

/** Whoever has something to send; sends one delivery when its turn has come. */
export interface Sender {
  send(delivery: Delivery): void;
}

export interface SendGate {
  /** The lease allows sending, and this process has room for one more exchange. */
  isOpen(): boolean;
  /** The origin of this URL has room for one more exchange. */
  hasRoom(url: string): boolean;
}

interface Waiting {
  readonly url: string;
  readonly delivery: Delivery;
}

/** First in, first out without shifting an array of ten thousand. */
class Fifo {
  readonly #items: Waiting[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): Waiting {
    return this.#items[this.#head]!;
  }

  push(item: Waiting): void {
    this.#items.push(item);
  }

  shift(): Waiting {
    return this.#items[this.#head++]!;
  }
}

/**
 * Deliveries that wait for a socket, round-robin over runs within each origin, and over origins: neither
 * a run with ten thousand steps nor an endpoint that never answers holds up the others.
 */
export class SendQueue {
  readonly #gate: SendGate;
  readonly #origins = new Map<string, Map<Sender, Fifo>>();
  readonly #originByUrl = new Map<string, string>();
  #size = 0;
  #isPumping = false;

  constructor(gate: SendGate) {
    this.#gate = gate;
  }

  get size(): number {
    return this.#size;
  }

  push(sender: Sender, delivery: Delivery, url: string): void {
    const origin = this.#originOf(url);
    const senders = this.#origins.get(origin) ?? new Map<Sender, Fifo>();
    const waiting = senders.get(sender) ?? new Fifo();
    waiting.push({ url, delivery });
    senders.set(sender, waiting);
    this.#origins.set(origin, senders);
    this.#size++;
    this.pump();
  }

  /** Sends while there is room. Called when something is pushed, an exchange ends, or the gate opens. */
  pump(): void {
    // A send can end at once and come back here: the outer loop goes on anyway.
    if (this.#isPumping || this.#size === 0) return;
    this.#isPumping = true;
    try {
      while (this.#sendRound());
    } finally {
      this.#isPumping = false;
    }
  }

  /** One delivery of each origin with room. False when none was sent. */
  #sendRound(): boolean {
    let isProgress = false;
    for (const [origin, senders] of this.#origins) {
      if (!this.#gate.isOpen()) return false;
      if (this.#sendOne(origin, senders)) isProgress = true;
    }
    return isProgress;
  }

  /** Forgets what a discarded run had waiting. */
  remove(sender: Sender): void {
    for (const [origin, senders] of this.#origins) {
      this.#size -= senders.get(sender)?.length ?? 0;
      senders.delete(sender);
      if (senders.size === 0) this.#origins.delete(origin);
    }
  }

  #sendOne(origin: string, senders: Map<Sender, Fifo>): boolean {
    const [sender, waiting] = senders.entries().next().value!;
    if (!this.#gate.hasRoom(waiting.first.url)) return false;
    const { delivery } = waiting.shift();
    this.#size--;
    senders.delete(sender);
    if (waiting.length > 0) senders.set(sender, waiting);
    if (senders.size === 0) this.#origins.delete(origin);
    sender.send(delivery);
    return true;
  }

  #originOf(url: string): string {
    let origin = this.#originByUrl.get(url);
    if (origin === undefined) {
      // Bounded: a cache of parses, not a registry of endpoints.
      if (this.#originByUrl.size > 10_000) this.#originByUrl.clear();
      origin = new URL(url).origin;
      this.#originByUrl.set(url, origin);
    }
    return origin;
  }
}
