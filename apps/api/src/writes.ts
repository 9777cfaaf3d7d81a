import { Problem } from '@waybill/protocol';
import type { Database } from '@waybill/store';

/** A client is told after so long that nobody knows yet; what is on its way goes on. */
const answerMsMaxDefault = 5000;
/** One write hangs for so long: the next ones are refused at once. */
const hangingMsMaxDefault = 2000;

export interface WritesOptions {
  readonly answerMsMax?: number;
  readonly hangingMsMax?: number;
}

/**
 * What the api writes: it waits for commits, and where commits hang (a full disk, a standby that is gone) it must
 * not keep its clients waiting, nor the reads, which have other connections.
 */
export class Writes {
  readonly #database: Database;
  readonly #answerMsMax: number;
  readonly #hangingMsMax: number;
  /** When each write under way began; in order. */
  readonly #underWay = new Map<object, number>();

  constructor(database: Database, options: WritesOptions = {}) {
    this.#database = database;
    this.#answerMsMax = options.answerMsMax ?? answerMsMaxDefault;
    this.#hangingMsMax = options.hangingMsMax ?? hangingMsMaxDefault;
  }

  /** How long the oldest write has been hanging, in ms; 0 while they are answered. */
  stuckForMs(): number {
    const [oldest] = this.#underWay.values();
    const ms = oldest === undefined ? 0 : performance.now() - oldest;
    return ms > this.#hangingMsMax ? ms : 0;
  }

  /** @throws Problem `unavailable` when commits hang; the write may take effect all the same. */
  async run<T>(write: (database: Database) => PromiseLike<T>): Promise<T> {
    if (this.stuckForMs() > 0) throw hanging();
    const key = {};
    this.#underWay.set(key, performance.now());
    const writing = Promise.resolve(write(this.#database));
    const settled = () => void this.#underWay.delete(key);
    writing.then(settled, settled);
    return this.inTime(writing);
  }

  /** For what a journal writes, which watches over its own flushes. @throws Problem `unavailable` */
  async inTime<T>(writing: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(hanging()), this.#answerMsMax);
    });
    try {
      return await Promise.race([writing, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function hanging(): Problem {
  const detail =
    'the database does not confirm writes in time; this one may take effect yet: ask again with the same Idempotency-Key';
  return new Problem('unavailable', detail, { retryAfterSeconds: 5 });
}
