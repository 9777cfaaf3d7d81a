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
/** A look is followed by a rest that is so many times as long. */
const restFactor = 20;
/** But no longer, however long the look seemed to take: in a process that is flooded, most of it is its own work. */
const restMsMax = 2000;
/** What nobody has asked about for so long, nor looked up, is not known any more. */
const idleMsMax = 5000;

/**
 * Refuses starts of a project of which more is started than is worked off, before anything is done for them. Known
 * from a look now and then, which starts themselves call for, so that an idle api asks nothing. Between two looks no
 * more are queued than there was room for: else each that found some would let in a flood. So each is asked for twice,
 * before its work (`admit`) and as it is written (`take`).
 */
export class BacklogGate {
  readonly #options: BacklogGateOptions;
  /** One for all: thousands a second would be made, each with a stack that nobody reads. */
  readonly #problem: Problem;
  /** Starts that there is room for until the next look, by project; those that keep up are not in it. */
  #room: Map<string, number> = new Map();
  /** The same as of the last look. */
  #found: ReadonlyMap<string, number> = new Map();
  #nextLookAt = Number.NEGATIVE_INFINITY;
  #usedAt = Number.NEGATIVE_INFINITY;

  constructor(options: BacklogGateOptions) {
    this.#options = options;
    const { runsMax } = options;
    const limit = { name: 'backlogMax', value: runsMax };
    const detail = `backlogMax ${runsMax} runs wait for a dispatcher, or are about to; try again`;
    this.#problem = new Problem('too_many_runs', detail, { limit, retryAfterSeconds: 2 });
  }

  /** Everybody keeps up, as far as known. */
  get isOpen(): boolean {
    return this.#room.size === 0;
  }

  /** @throws Problem `too_many_runs` */
  admit(project: string): void {
    const problem = this.refusalOf(project);
    if (problem) throw problem;
  }

  /**
   * So many more of its runs are put into the queue: all of them, if there is room for one.
   * @throws Problem `too_many_runs`
   */
  take(project: string, runs: number): void {
    this.admit(project);
    const room = this.#room.get(project);
    if (room !== undefined) this.#room.set(project, room - runs);
  }

  /** What `admit` would throw. */
  refusalOf(project: string): Problem | null {
    const now = this.#options.now();
    if (now - this.#usedAt > idleMsMax) this.#forget();
    this.#usedAt = now;
    if (now >= this.#nextLookAt) void this.#look();
    return (this.#room.get(project) ?? 1) > 0 ? null : this.#problem;
  }

  #forget(): void {
    this.#room = new Map();
    this.#found = new Map();
  }

  async #look(): Promise<void> {
    const { read, runsMax, log, now } = this.#options;
    const startedAt = now();
    this.#nextLookAt = Number.POSITIVE_INFINITY;
    try {
      const backlogs = await read(runsMax + 1);
      const late = backlogs.filter(({ ageMs }) => ageMs > ageMsMin);
      this.#found = new Map(late.map(({ project, runs }) => [project, runsMax + 1 - runs]));
    } catch (error) {
      log.warn({ err: error }, 'the backlog of runs could not be read');
    }
    // Also when nothing new is known: what was full stays so, the others are not shut out.
    this.#room = new Map(this.#found);
    this.#usedAt = now();
    const restMs = Math.min(restFactor * (now() - startedAt), restMsMax);
    this.#nextLookAt = Math.max(startedAt + lookIntervalMs, now() + restMs);
  }
}
