import type { Journal } from '@waybill/store';
import type { Clock } from './clock.ts';
import { chooseParked, type ParkedRun } from './idle-runs.ts';
import type { Log } from './log.ts';
import type { OwnedRuns } from './owned-runs.ts';

export interface ParkingOptions {
  readonly runs: OwnedRuns;
  readonly journal: Pick<Journal, 'append'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly runsMax: number;
  readonly bytesMax: number;
  /** The run was claimed here while it was on its way out. */
  readonly onClaimedAgain: (runUuid: string) => void;
}

/** Memory is short above the first share of its bounds; then runs are parked down to the second. */
const shortShare = 0.9;
const relievedShare = 0.75;
/** So many parkings in a row have times of their own, by so many ms sooner. */
const distinctTimes = 500;
/** A look goes over every step of every run in memory. */
const looksEveryMs = 500;

/** Gives idle runs back to the queue until their time comes, so that memory holds what is under way. */
export class Parking {
  readonly #options: ParkingOptions;
  /** Forgotten here, and not yet durably free. */
  readonly #leaving = new Set<string>();
  readonly #claimedAgain = new Set<string>();
  #parkings = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: ParkingOptions) {
    this.#options = options;
  }

  /** Whether a run that is owned must not be loaded yet; once it is free, `onClaimedAgain` tells. */
  holds(runUuid: string): boolean {
    if (!this.#leaving.has(runUuid)) return false;
    this.#claimedAgain.add(runUuid);
    return true;
  }

  /** Parks when memory is short. Called before each claim. */
  relieve(): void {
    const now = this.#options.clock.monotonic();
    if (!this.#isAbove(shortShare) || now - this.#lookedAtMs < looksEveryMs) return;
    this.#lookedAtMs = now;
    for (const parked of this.#choose(true)) {
      if (!this.#isAbove(relievedShare)) return;
      void this.#park(parked);
    }
  }

  /** Parks what has been idle for long, and a suspect that only waits. */
  tick(): void {
    for (const parked of this.#choose(false)) void this.#park(parked);
  }

  #choose(isShort: boolean): ParkedRun[] {
    const { runs, clock } = this.#options;
    return chooseParked(runs, { nowMs: clock.now(), monotonicMs: clock.monotonic(), isShort });
  }

  #isAbove(share: number): boolean {
    const { runs, runsMax, bytesMax } = this.#options;
    return runs.size > share * runsMax || runs.bytes > share * bytesMax;
  }

  async #park({ run, untilMs }: ParkedRun): Promise<void> {
    const { runs, journal, log, onClaimedAgain } = this.#options;
    const { driver, bytes } = run;
    const uuid = driver.runUuid;
    driver.discard();
    runs.remove(driver);
    this.#leaving.add(uuid);
    // A time of its own: the message may come so late that the run has been claimed here again.
    const parkedUntilMs = untilMs - (this.#parkings++ % distinctTimes);
    try {
      const ref = { uuid, seq: 0, isDiscarded: false };
      await journal.append({ run: ref, events: [], bytes: 0, queue: { bytes, parkedUntilMs } });
    } catch (error) {
      log.warn({ err: error, run: driver.info.id }, 'a run could not be parked; it is loaded again');
    }
    this.#leaving.delete(uuid);
    if (this.#claimedAgain.delete(uuid)) onClaimedAgain(uuid);
  }
}
