import { SimNode, type Surroundings } from './node.ts';
import type { Random } from './random.ts';
import type { FaultKind } from './swarm.ts';

export type FleetOptions = Omit<Surroundings, 'hint'> & { readonly random: Random };

/** The processes: started, killed, stopped for a while, drained, and started again. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #surroundings: Surroundings;
  readonly #random: Random;
  #nodes: SimNode[] = [];
  #wanted = 0;
  #born = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#surroundings = { ...options, hint: () => this.#hint() };
  }

  /** One that takes requests now, or null. */
  usable(): SimNode | null {
    const usable = this.#nodes.filter((node) => node.isUsable);
    return usable.length > 0 ? this.#random.pick(usable) : null;
  }

  /** The process that has, or had, this lease; null when it is dead. */
  ownerOf(identity: string | null): SimNode | null {
    if (identity === null) return null;
    return this.#nodes.find((node) => node.isKnownAs(identity)) ?? null;
  }

  /** By `webhook-id`. */
  openExchanges(): ReadonlySet<string> {
    return new Set(this.#nodes.flatMap(({ openExchanges }) => [...openExchanges]));
  }

  hasRoomForRuns(): boolean {
    return this.#nodes.some((node) => node.hasRoomForRuns);
  }

  launch(count: number): void {
    this.#wanted = count;
    for (let index = 0; index < count; index++) this.#spawn();
    this.#every('killEveryS', () => this.#kill());
    this.#every('stopEveryS', () => this.#stop());
    this.#every('drainEveryS', () => this.#drain());
    this.#every('heartbeatsLostEveryS', () => this.#mute());
    this.#every('outageEveryS', () => this.#outage());
  }

  /** Whoever is stopped goes on, and as many as there should be are there. */
  calm(): void {
    this.#options.server.start();
    for (const node of this.#nodes) {
      node.process.continue();
      node.muteHeartbeats(0);
    }
    while (this.#staying < this.#wanted) this.#spawn();
  }

  /** What nobody should have in memory any more. */
  leftovers(): string[] {
    return this.#nodes.flatMap(({ dispatcher: { stats }, process: { name }, isUsable }) => {
      if (!isUsable) return [];
      const ghosts = stats.runs > 0 ? [`ghosts: ${name} still drives ${stats.runs} run(s)`] : [];
      const stuck = stats.journalStuckMs > 0 ? [`stuck: ${name} says its journal has been failing`] : [];
      const open = stats.inFlight > 0 ? [`ghosts: ${name} has ${stats.inFlight} exchange(s) open`] : [];
      return [...ghosts, ...stuck, ...open];
    });
  }

  get #staying(): number {
    return this.#nodes.filter(({ isDraining }) => !isDraining).length;
  }

  #spawn(): void {
    const name = `n${++this.#born}`;
    this.#options.world.note(`${name} starts`);
    const node = new SimNode(name, this.#random.fork(name), this.#surroundings);
    this.#nodes.push(node);
    void node.serve();
  }

  #respawnLater(): void {
    this.#options.world.after(this.#random.skewed(100, 20_000), () => {
      if (this.#staying < this.#wanted) this.#spawn();
    });
  }

  #remove(node: SimNode): void {
    node.process.kill();
    this.#nodes = this.#nodes.filter((other) => other !== node);
  }

  #hint(): void {
    const { world, faults } = this.#options;
    for (const node of this.#nodes) {
      if (!faults.strikes('hintLost')) world.after(this.#random.skewed(0.5, 30), () => node.hinted());
    }
  }

  /** At exponential intervals around its rate, until the calm. */
  #every(kind: FaultKind, happen: () => void): void {
    const { world, faults } = this.#options;
    const meanMs = faults.rateOf(kind) * 1000;
    if (meanMs === 0) return;
    const wait = () =>
      world.after(-Math.log(1 - this.#random.next()) * meanMs, () => {
        if (faults.isCalm) return;
        faults.count(kind);
        happen();
        wait();
      });
    wait();
  }

  #kill(): void {
    if (this.#nodes.length === 0) return;
    const node = this.#random.pick(this.#nodes);
    this.#options.world.note(`${node.process.name} is killed`);
    this.#remove(node);
    this.#respawnLater();
  }

  #stop(): void {
    const { world } = this.#options;
    const running = this.#nodes.filter(({ process }) => process.state === 'running');
    if (running.length === 0) return;
    const { process } = this.#random.pick(running);
    const forMs = this.#random.skewed(200, 60_000);
    world.note(`${process.name} stops for ${Math.round(forMs)} ms`);
    process.stop();
    world.after(forMs, () => {
      world.note(`${process.name} continues`);
      process.continue();
    });
  }

  /** Its lease ends, while all else that it says to the database gets through. */
  #mute(): void {
    const node = this.usable();
    if (!node) return;
    const forMs = this.#random.skewed(3000, 60_000);
    this.#options.world.note(`${node.process.name} loses its heartbeats for ${Math.round(forMs)} ms`);
    node.muteHeartbeats(forMs);
  }

  #drain(): void {
    const { world } = this.#options;
    const node = this.usable();
    if (!node) return;
    world.note(`${node.process.name} is drained`);
    this.#respawnLater();
    void node.drain(this.#random.int(0, 10_000)).then(() => {
      world.note(`${node.process.name} exits`);
      this.#remove(node);
    });
  }

  #outage(): void {
    const { world, server } = this.#options;
    if (server.isDown) return;
    const forMs = this.#random.skewed(100, 15_000);
    world.note(`database down for ${Math.round(forMs)} ms`);
    server.stop();
    world.after(forMs, () => server.start());
  }
}
