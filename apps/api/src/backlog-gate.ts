import { Problem } from '@waybill/protocol';
import type { Backlog } from '@waybill/store';
import type { Logger } from 'pino';

export interface BacklogGateOptions {
  readonly read: (countMax: number) => Promise<readonly Backlog[]>;
  /** Runs of one project that may be ready without being claimed. */
  readonly runsMax: number;
  readonly log: Logger;
  /** Monotonic ms. */
  readonly now: () => number;
}

/** A burst is taken; only what has been too much for so long is refused. */
const ageMsMin = 2000;
const lookIntervalMs = 500;
/** Looking takes at most this share of the time, however slow the database. */
const looksShare = 1 / 20;

/**
 * Refuses starts of a project of which more is started than is worked off, before anything is done for them. Known
 * from a look now and then, which starts themselves call for, so that an idle api asks nothing.
 */
export class BacklogGate {
  readonly #options: BacklogGateOptions;
  #full: ReadonlyMap<string, Backlog> = new Map();
  #nextLookAt = Number.NEGATIVE_INFINITY;

  constructor(options: BacklogGateOptions) {
    this.#options = options;
  }

  /** @throws Problem `too_many_runs` */
  admit(project: string): void {
    if (this.#options.now() >= this.#nextLookAt) void this.#look();
    if (!this.#full.has(project)) return;
    const { runsMax } = this.#options;
    const limit = { name: 'backlogMax', value: runsMax };
    const detail = `more than backlogMax ${runsMax} runs wait for a dispatcher; try again`;
    throw new Problem('too_many_runs', detail, { limit, retryAfterSeconds: 2 });
  }

  async #look(): Promise<void> {
    const { read, runsMax, log, now } = this.#options;
    const startedAt = now();
    this.#nextLookAt = Number.POSITIVE_INFINITY;
    try {
      const backlogs = await read(runsMax + 1);
      const full = backlogs.filter(({ runs, ageMs }) => runs > runsMax && ageMs > ageMsMin);
      this.#full = new Map(full.map((backlog) => [backlog.project, backlog]));
    } catch (error) {
      log.warn({ err: error }, 'the backlog of runs could not be read');
    }
    this.#nextLookAt = Math.max(startedAt + lookIntervalMs, now() + (now() - startedAt) / looksShare);
  }
}
