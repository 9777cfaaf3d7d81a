import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The cores of this process, in two halves: what it starts while it is in one stays there. Where there is but one core,
 * or no `taskset`, all share what there is.
 */
export class CoreHalves {
  readonly #all: readonly number[];

  static ofThisProcess(): CoreHalves {
    try {
      execFileSync('taskset', ['--version'], { stdio: 'ignore' });
      const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))!;
      return new CoreHalves(coresOf(list!));
    } catch {
      return new CoreHalves([]);
    }
  }

  private constructor(all: readonly number[]) {
    this.#all = all;
  }

  get areApart(): boolean {
    return this.#all.length > 1;
  }

  enter(half: 'first' | 'second'): void {
    const middle = Math.floor(this.#all.length / 2);
    this.#set(half === 'first' ? this.#all.slice(0, middle) : this.#all.slice(middle));
  }

  leave(): void {
    this.#set(this.#all);
  }

  #set(cores: readonly number[]): void {
    if (!this.areApart) return;
    execFileSync('taskset', ['-acp', cores.join(','), String(process.pid)], { stdio: 'ignore' });
  }
}

/** Of `0-3,8`. */
function coresOf(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    return Array.from({ length: last! - first + 1 }, (_, index) => first + index);
  });
}
