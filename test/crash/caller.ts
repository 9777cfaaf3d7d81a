import type { Random } from '../support/random.ts';

export interface Called {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface CallerOptions {
  /** Of the apis that are thought to be there. */
  readonly urls: () => readonly string[];
  readonly apiKey: string;
  readonly random: Random;
}

/** A command waits 5 s for its outcome; past this the answer counts as lost. */
const answerMsMax = 12_000;

/** A client as it should be: asks another api, or again, until somebody answers. */
export class Caller {
  readonly #options: CallerOptions;
  #isClosed = false;
  /** Requests that nobody answered, and answers 429 and 5xx. */
  retries = 0;
  readonly statuses = new Map<number, number>();
  /** Milliseconds of the slowest answer, whatever it said. */
  slowestMs = 0;

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** From now on nobody is asked again. */
  close(): void {
    this.#isClosed = true;
  }

  /** The first answer that is one; null when closed before it came. */
  async call(method: string, path: string, body?: unknown, key?: string): Promise<Called | null> {
    const { random } = this.#options;
    for (let attempt = 0; !this.#isClosed; attempt++) {
      const answer = await this.#once(method, path, body, key);
      if (answer && answer.status < 500 && answer.status !== 429) return answer;
      this.retries++;
      await pause(random.between(20, 100 * Math.min(10, attempt + 1)));
    }
    return null;
  }

  async #once(method: string, path: string, body: unknown, key?: string): Promise<Called | null> {
    const { urls, apiKey, random } = this.#options;
    const startedAt = performance.now();
    try {
      const response = await fetch(`${random.pick(urls())}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(answerMsMax),
      });
      const text = await response.text();
      this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
      this.statuses.set(response.status, (this.statuses.get(response.status) ?? 0) + 1);
      return { status: response.status, body: JSON.parse(text) as Called['body'] };
    } catch {
      // Nobody there, cut off in the middle, or silent: all the same to a client.
      return null;
    }
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves when it is so. @throws Error with the reason when it is not within so long. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  msMax: number,
  reason: string,
): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${reason} within ${Math.round(msMax)} ms`);
    await pause(10);
  }
}

/** What does not settle by itself within so long fails. @throws Error with the reason */
export async function within<T>(work: Promise<T>, msMax: number, reason: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${reason} within ${Math.round(msMax)} ms`)), msMax);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
