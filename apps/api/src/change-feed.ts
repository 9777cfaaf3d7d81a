import type { RunEvent } from '@waybill/engine';
import { changedRuns, type Database } from '@waybill/store';
import type { Logger } from 'pino';
import { RunWatch } from './run-watch.ts';

const pollIntervalMs = 500;

/**
 * Tells waits that a run has moved. One poller a process serves them all; commits of a dispatcher in this
 * process, and hints from others, only make it quicker.
 */
export class ChangeFeed {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #watches = new Map<string, Set<RunWatch>>();
  #timer: NodeJS.Timeout | null = null;
  #isPolling = false;
  #isHinted = false;
  #isClosed = false;
  #count = 0;

  constructor(database: Database, log: Logger) {
    this.#database = database;
    this.#log = log;
  }

  /**
   * Watch first, read the run then, wait after: nothing that happens between is missed. Commits of this
   * process wake a wait of `ends` for ends and command outcomes only.
   */
  watch(runUuid: string, awaited: 'ends' | 'everything' = 'ends'): RunWatch {
    const watches = this.#watches.get(runUuid) ?? new Set();
    this.#count++;
    const watch: RunWatch = new RunWatch(awaited, () => {
      if (watches.delete(watch)) this.#count--;
      if (watches.size === 0) this.#watches.delete(runUuid);
    });
    this.#watches.set(runUuid, watches.add(watch));
    this.#schedule(pollIntervalMs);
    return watch;
  }

  /** A commit in this process. */
  committed(runUuid: string, events: readonly RunEvent[]): void {
    const watches = this.#watches.get(runUuid);
    if (!watches) return;
    const isEnd = events.some(isEndOrOutcome);
    for (const watch of watches) if (isEnd || watch.awaited === 'everything') watch.wake();
  }

  /** Another process has moved some run. */
  hint(): void {
    if (this.#watches.size === 0) return;
    this.#isHinted = true;
    this.#schedule(0);
  }

  get watchedRuns(): number {
    return this.#watches.size;
  }

  /** Waits and streams: more than one may watch a run. */
  get watches(): number {
    return this.#count;
  }

  /** Then nothing wakes a wait any more: it answers with what it has. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer);
    for (const watches of this.#watches.values()) for (const watch of watches) watch.wake();
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed || this.#isPolling || (this.#timer && delayMs > 0)) return;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#poll(), delayMs);
  }

  async #poll(): Promise<void> {
    this.#timer = null;
    this.#isPolling = true;
    this.#isHinted = false;
    try {
      const watched = [...this.#watches].map(([runUuid, watches]) => ({
        runUuid,
        seq: Math.min(...[...watches].map((watch) => watch.seq)),
      }));
      for (const runUuid of await changedRuns(this.#database, watched)) {
        for (const watch of this.#watches.get(runUuid) ?? []) watch.wake();
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'polling for changes failed');
    }
    this.#isPolling = false;
    if (this.#watches.size > 0) this.#schedule(this.#isHinted ? 0 : pollIntervalMs);
  }
}

function isEndOrOutcome(event: RunEvent): boolean {
  return event.type.startsWith('run.') || event.type.startsWith('command.');
}
