import type { Alarm, Runtime } from '@waybill/store';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface ProcessOptions {
  readonly world: World;
  readonly name: string;
  readonly random: Random;
  /** How far its clock is off. */
  readonly skewMs: number;
  /** How fast its clocks go; 1 is right. */
  readonly rate: number;
}

/** A process: what happens to it waits while it is stopped, and never happens once it is dead. */
export class SimProcess {
  readonly name: string;
  readonly runtime: Runtime;
  readonly #options: ProcessOptions;
  readonly #bornMs: number;
  readonly #waiting: (() => void)[] = [];
  #state: 'running' | 'stopped' | 'dead' = 'running';

  constructor(options: ProcessOptions) {
    const { world, random } = options;
    this.#options = options;
    this.name = options.name;
    this.#bornMs = world.nowMs;
    this.runtime = {
      monotonic: () => this.#monotonic(),
      after: (delayMs, fire) => this.#after(delayMs, fire),
      soon: (fire) => void this.#after(0, fire),
      random: () => random.next(),
      uuid: () => random.uuid(world.nowMs),
    };
  }

  get state(): 'running' | 'stopped' | 'dead' {
    return this.#state;
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** What the clock of its machine says. */
  epochMs(): number {
    const { world, skewMs, rate } = this.#options;
    return this.#bornMs + (world.nowMs - this.#bornMs) * rate + skewMs;
  }

  /** Something reaches it. */
  run(fire: () => void): void {
    if (this.#state === 'running') fire();
    else if (this.#state === 'stopped') this.#waiting.push(fire);
  }

  kill(): void {
    this.#state = 'dead';
    this.#waiting.length = 0;
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** What has waited comes now, timers and answers in any order. */
  continue(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const { random, world } = this.#options;
    const waiting = random.chance(0.5) ? random.shuffle(this.#waiting) : [...this.#waiting];
    this.#waiting.length = 0;
    for (const fire of waiting) world.after(0, () => this.run(fire));
  }

  #monotonic(): number {
    const { world, rate } = this.#options;
    return (world.nowMs - this.#bornMs) * rate;
  }

  #after(delayMs: number, fire: () => void): Alarm {
    const { world, rate } = this.#options;
    // A timer that was called off while its process was stopped does not fire either.
    let isCancelled = false;
    const alarm = world.after(delayMs / rate, () => this.run(() => !isCancelled && fire()));
    return {
      cancel() {
        isCancelled = true;
        alarm.cancel();
      },
    };
  }
}
