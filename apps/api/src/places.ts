import type { Problem } from '@waybill/protocol';

export interface PlacesOptions {
  /** So many at once, and so many bytes of them in memory. */
  readonly countMax: number;
  readonly bytesMax: number;
  /** What those are told who find no place. */
  readonly refuse: () => Problem;
}

/** Of all places, what one project may take: a flood leaves some to the others. */
const projectShare = 0.75;

/** Bounds work under way: whoever finds no place is refused at once, instead of waiting where nobody counts. */
export class Places {
  readonly #options: PlacesOptions;
  readonly #byProject = new Map<string, number>();
  #taken = 0;
  #bytes = 0;

  constructor(options: PlacesOptions) {
    this.#options = options;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Does the work in a place. @throws the Problem of `refuse` when there is none. */
  async within<T>(project: string, bytes: number, work: () => Promise<T>): Promise<T> {
    if (!this.#hasPlace(project, bytes)) throw this.#options.refuse();
    this.#take(project, bytes, 1);
    try {
      return await work();
    } finally {
      this.#take(project, -bytes, -1);
    }
  }

  #hasPlace(project: string, bytes: number): boolean {
    const { countMax, bytesMax } = this.#options;
    if (this.#taken >= countMax || this.#bytes + bytes > bytesMax) return false;
    return (this.#byProject.get(project) ?? 0) < Math.ceil(countMax * projectShare);
  }

  #take(project: string, bytes: number, change: 1 | -1): void {
    this.#taken += change;
    this.#bytes += bytes;
    const count = (this.#byProject.get(project) ?? 0) + change;
    if (count === 0) this.#byProject.delete(project);
    else this.#byProject.set(project, count);
  }
}
