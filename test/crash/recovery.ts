/** The time from a fault until all that was under way has moved again, by kind of fault. */
export class RecoveryWatch {
  readonly #marks = new Set<Mark>();
  readonly #times = new Map<string, number[]>();

  /** `back`: what the fault took away is there again, by the process's own word. */
  mark(kind: string, runs: readonly string[], back: Promise<unknown>): void {
    const mark: Mark = { kind, left: new Set(runs), isBack: false, startedAt: performance.now() };
    this.#marks.add(mark);
    const isBack = () => {
      mark.isBack = true;
      this.#look(mark);
    };
    back.then(isBack, isBack);
  }

  /** The run was sent something, or has ended. */
  moved(runId: string): void {
    for (const mark of this.#marks) if (mark.left.delete(runId)) this.#look(mark);
  }

  /** Faults from which not everything has moved yet. */
  get unrecovered(): number {
    return this.#marks.size;
  }

  figures(): Record<string, string> {
    const lines = [...this.#times].map(([kind, times]) => {
      const sorted = times.toSorted((a, b) => a - b);
      return [`recovery after ${kind}`, `${times.length} ×, p50 ${at(sorted, 0.5)}, p99 ${at(sorted, 0.99)}`];
    });
    return Object.fromEntries(lines) as Record<string, string>;
  }

  #look(mark: Mark): void {
    if (!mark.isBack || mark.left.size > 0 || !this.#marks.delete(mark)) return;
    const times = this.#times.get(mark.kind) ?? [];
    this.#times.set(mark.kind, [...times, performance.now() - mark.startedAt]);
  }
}

interface Mark {
  readonly kind: string;
  readonly left: Set<string>;
  isBack: boolean;
  readonly startedAt: number;
}

function at(sorted: readonly number[], share: number): string {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return `${(value / 1000).toFixed(1)} s`;
}
