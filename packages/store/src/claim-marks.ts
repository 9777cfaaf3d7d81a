/** From where the claims of a project read. */
export interface ClaimMark {
  readonly project: string;
  /** Epoch ms: what is free and ready has been so since then, as far as known. */
  readonly sinceMs: number;
}

/** What a look over the whole queue has found. */
export interface QueueLook {
  /** The database's clock before it, in epoch ms. */
  readonly atMs: number;
  /** Every project with a free run, and since when its oldest one that is ready has been so; null: none is. */
  readonly projects: readonly { readonly project: string; readonly oldestMs: number | null }[];
}

/** A row becomes visible when it commits, which is later than the time it says. A look finds what took longer. */
const lagMs = 500;
/** Of projects beyond these, each claim reads all. */
const marksMax = 1000;

/**
 * Watermarks of the ready index, by project. While somebody holds an old snapshot nothing is vacuumed, and all that
 * was ever claimed stays at the head of the index: a claim that began there would walk over it each time. So it
 * begins at the mark. What may lie below, because its transaction was slow or its claim rolled back, is found by a
 * look at everything every few seconds, which is not on the way of claims.
 */
export class ClaimMarks {
  /** By project, those touched longest ago first. */
  readonly #sinceMs = new Map<string, number>();

  /** In order of project. */
  list(): ClaimMark[] {
    return [...this.#sinceMs]
      .map(([project, sinceMs]) => ({ project, sinceMs }))
      .sort((a, b) => (a.project < b.project ? -1 : 1));
  }

  /** The oldest of a project have been claimed, up to this time. */
  claimed(project: string, readyAtMs: number): void {
    this.#set(project, Math.max(this.#sinceMs.get(project) ?? Number.NEGATIVE_INFINITY, readyAtMs - lagMs));
  }

  /** Marks fall to what was overlooked, and rise where nothing was. */
  looked({ atMs, projects }: QueueLook): void {
    const found = new Map(projects.map(({ project, oldestMs }) => [project, oldestMs]));
    for (const project of new Set([...this.#sinceMs.keys(), ...found.keys()])) {
      // What a claim meanwhile took away is at most walked over once more.
      const oldestMs = found.get(project) ?? null;
      this.#set(project, oldestMs === null ? atMs - lagMs : Math.min(oldestMs, atMs - lagMs));
    }
  }

  #set(project: string, sinceMs: number): void {
    this.#sinceMs.delete(project);
    this.#sinceMs.set(project, sinceMs);
    if (this.#sinceMs.size > marksMax) this.#sinceMs.delete(this.#sinceMs.keys().next().value!);
  }
}
