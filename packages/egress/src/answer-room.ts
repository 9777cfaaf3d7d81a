/** An exchange that takes in the body of its answer. */
export interface Receiver {
  /** Nothing more is read of its connection. */
  pause(): void;
  resume(): void;
}

/** The most that comes in one read of a connection, in bytes. */
const readBytes = 64 * 1024;

/**
 * Bounds what the bodies of all answers take together while they come in. Above the bound whoever brings more is
 * held, the rest of its answer left to the network, until others have ended. One always goes on, so that each gets
 * to its end. Beyond the bound there can be that one, and one read of each exchange.
 */
export class AnswerRoom {
  readonly #bytesMax: number;
  #bytes = 0;
  /** With a part of their body here: those that read on, and those that are held, in that order of time. */
  readonly #reading = new Set<Receiver>();
  readonly #held = new Set<Receiver>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** So much more of its body has come. */
  grew(receiver: Receiver, bytes: number): void {
    this.#bytes += bytes;
    this.#reading.add(receiver);
    if (this.#bytes <= this.#bytesMax || this.#reading.size === 1) return;
    this.#reading.delete(receiver);
    this.#held.add(receiver);
    receiver.pause();
  }

  /** Its answer is settled, and with it all that came of its body. */
  left(receiver: Receiver, bytes: number): void {
    this.#bytes -= bytes;
    this.#reading.delete(receiver);
    this.#held.delete(receiver);
    for (const next of this.#held) {
      const hasRoom = this.#bytes + (this.#reading.size + 1) * readBytes <= this.#bytesMax;
      if (!hasRoom && this.#reading.size > 0) return;
      this.#held.delete(next);
      this.#reading.add(next);
      next.resume();
    }
  }
}
