import type { Random } from './random.ts';
import type { FaultKind, Swarm } from './swarm.ts';

export type MessageFate = 'well' | 'requestLost' | 'answerLost' | 'slow' | 'transient';

/** Decides what goes wrong, counts it, and stops when the calm begins. */
export class Faults {
  readonly injected = new Map<FaultKind, number>();
  isCalm = false;
  readonly #swarm: Swarm;
  readonly #random: Random;

  constructor(swarm: Swarm, random: Random) {
    this.#swarm = swarm;
    this.#random = random;
  }

  rateOf(kind: FaultKind): number {
    return this.#swarm[kind];
  }

  /** Whether it happens now, at its rate. */
  strikes(kind: FaultKind): boolean {
    if (this.isCalm || !this.#random.chance(this.#swarm[kind])) return false;
    this.count(kind);
    return true;
  }

  count(kind: FaultKind): void {
    this.injected.set(kind, (this.injected.get(kind) ?? 0) + 1);
  }

  ofMessage(): MessageFate {
    if (this.strikes('requestLost')) return 'requestLost';
    if (this.strikes('answerLost')) return 'answerLost';
    if (this.strikes('slowDatabase')) return 'slow';
    return this.strikes('transientError') ? 'transient' : 'well';
  }
}
