/** An exchange that takes in the body of its answer. */
export interface Receiver {
  /** Nothing more is read of its connection. */
  pause(): void;
  resume(): void;
}

/** The most that comes in one read of a connection, in bytes. */
const readBytes = 64 * 1024;
/** A body up to this is never held: most answers are none of the trouble. */
const smallBytes = 16 * 1024;

/**
 * Bounds what the bodies of all answers take together while they come in. An origin may take half of what the others
 * leave: however many stop in the middle of their answers, there is room for the next. Above that whoever brings more
 * is held, the rest of its answer left to the network, until others of it have ended. One of each origin always goes on,
 * so that each gets to its end. Beyond the bound there can be these, and one read of each exchange.
 */
export class AnswerRoom {
  readonly #bytesMax: number;
  readonly #waiting = new Set<AnswerShare>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of one origin. */
  share(): AnswerShare {
    return new AnswerShare(this);
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Some of its exchanges are held. */
  awaits(share: AnswerShare): void {
    this.#waiting.add(share);
  }

  /** Something has ended. */
  release(): void {
    for (const share of this.#waiting) if (share.release()) this.#waiting.delete(share);
  }

  /** Whether an origin that has `bytes` may take so many more: half of what the others leave, all in all. */
  hasRoom(bytes: number, more = 0): boolean {
    return this.#bytes + bytes + 2 * more <= this.#bytesMax;
  }
}

/** What the answers of one origin take. */
export class AnswerShare {
  readonly #room: AnswerRoom;
  #bytes = 0;
  /** With more than a small part of their body here: those that read on, and those that are held, oldest first. */
  readonly #reading = new Set<Receiver>();
  readonly #held = new Set<Receiver>();

  constructor(room: AnswerRoom) {
    this.#room = room;
  }

  /** So much more of its body has come, and is `length` bytes long by now. */
  grew(receiver: Receiver, bytes: number, length: number): void {
    this.#bytes += bytes;
    this.#room.add(bytes);
    if (length <= smallBytes) return;
    this.#reading.add(receiver);
    if (this.#reading.size === 1 || this.#room.hasRoom(this.#bytes)) return;
    this.#reading.delete(receiver);
    this.#held.add(receiver);
    this.#room.awaits(this);
    receiver.pause();
  }

  /** Its answer is settled, and with it all that came of its body. */
  left(receiver: Receiver, length: number): void {
    this.#bytes -= length;
    this.#room.add(-length);
    this.#reading.delete(receiver);
    this.#held.delete(receiver);
    this.#room.release();
  }

  /** Lets those go on for which there is room now. True when none is held any more. */
  release(): boolean {
    for (const next of this.#held) {
      const toCome = (this.#reading.size + 1) * readBytes;
      if (this.#reading.size > 0 && !this.#room.hasRoom(this.#bytes, toCome)) return false;
      this.#held.delete(next);
      this.#reading.add(next);
      next.resume();
    }
    return true;
  }
}
