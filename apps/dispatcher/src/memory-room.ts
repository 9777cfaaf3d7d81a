import type { ClaimRoom } from '@waybill/store';
import type { OwnedRuns } from './owned-runs.ts';

export interface MemoryRoomOptions {
  readonly runs: OwnedRuns;
  readonly runsMax: number;
  readonly bytesMax: number;
  /** More is due than this process can send: further runs in memory would only make all of them slower. */
  readonly isSaturated: () => boolean;
  /** A claim that found no room would find some now. */
  readonly onRoom: () => void;
}

const claimBatchMax = 500;
/** Of all runs in memory, what one project may have: a flood leaves places to the others. */
const projectShare = 0.9;
/**
 * Above this share runs come through the queue alone, where projects take turns; started here, those of whoever
 * starts most would take each place that becomes free. A project alone may start as many here as its own share.
 */
const startShare = 0.9;
const projectStartShare = 0.75;
/** A claim costs the same for one run as for many. */
const roomShare = 0.05;

/** How many runs a dispatcher has room for, and whose. */
export class MemoryRoom {
  readonly #options: MemoryRoomOptions;
  #isWanted = false;

  constructor(options: MemoryRoomOptions) {
    this.#options = options;
  }

  get #hasBytes(): boolean {
    return this.#options.runs.bytes < this.#options.bytesMax;
  }

  /** Whether a run of this project may start here without going through the queue. */
  mayStart(project: string): boolean {
    const { runs, runsMax, isSaturated } = this.#options;
    if (!this.#hasBytes || runs.size >= share(runsMax, startShare) || isSaturated()) return false;
    return runs.countOf(project) < share(runsMax, projectStartShare);
  }

  /** What a claim may take; null while there is no room, of which `onRoom` tells. */
  toClaim(): ClaimRoom | null {
    const { runs, runsMax, bytesMax, isSaturated } = this.#options;
    this.#isWanted = runs.size >= runsMax || !this.#hasBytes || isSaturated();
    if (this.#isWanted) return null;
    return {
      runs: Math.min(claimBatchMax, runsMax - runs.size),
      bytes: bytesMax - runs.bytes,
      suspect: !runs.hasSuspect,
      share: { runsMax: share(runsMax, projectShare), owned: runs.counts },
    };
  }

  /** A run has gone. */
  freed(): void {
    const { runs, runsMax, isSaturated, onRoom } = this.#options;
    if (!this.#isWanted || !this.#hasBytes || runs.size > runsMax - share(runsMax, roomShare)) return;
    if (isSaturated()) return;
    this.#isWanted = false;
    onRoom();
  }
}

function share(count: number, of: number): number {
  return Math.ceil(count * of);
}
