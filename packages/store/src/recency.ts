/** What became visible since is looked at each time; rows whose commit took longer are found by a look at all. */
export const recentSeconds = 30;

const allIntervalMs = 5000;
/** Looks that come so late have missed more than they would find. */
const gapMsMax = 2000;

/**
 * Whether a look at the inbox has to go through all of it. While somebody holds an old snapshot all that ever lay there
 * is walked over; the newest rows are found without. So all is looked at now and then, and after any gap.
 */
export class Recency {
  #allAt = Number.NEGATIVE_INFINITY;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param now monotonic ms */
  isAllDue(now: number): boolean {
    return now - this.#allAt >= allIntervalMs || now - this.#lookedAt >= gapMsMax;
  }

  /** A look that was asked for at this time has been answered. */
  looked(at: number, wasAll: boolean): void {
    this.#lookedAt = at;
    if (wasAll) this.#allAt = at;
  }
}
