import type { Delivery } from '@waybill/engine';
import { Turns } from './turns.ts';

/** Whoever has something to send; sends one delivery when its turn has come. */
export interface Sender {
  readonly project: { readonly uuid: string };
  send(delivery: Delivery): void;
}

export interface SendGate {
  /** The lease allows sending, and this process has room for one more exchange. */
  isOpen(): boolean;
  /** The origin of this URL has room for one more exchange. */
  hasRoom(url: string): boolean;
}

interface Waiting {
  readonly sender: Sender;
  readonly delivery: Delivery;
  readonly url: string;
}

/** What waits for one origin, by project. */
type Projects = Map<string, Turns<Sender, Waiting>>;

/** So many ended exchanges let every origin be looked at again: in a process with fewer of them, some have more room. */
const endsForSweep = 64;

/**
 * Deliveries that wait for a socket, round-robin over runs within a project, over projects within an origin, and
 * over origins: neither a run with ten thousand steps, nor a project with ten thousand runs, nor an endpoint that
 * never answers holds up the others. Origins without room are set aside, so that a thousand of them cost nothing.
 */
export class SendQueue {
  readonly #gate: SendGate;
  /** Origins that may have room, and those that had none when they were last looked at. */
  #ready = new Map<string, Projects>();
  #full = new Map<string, Projects>();
  readonly #originByUrl = new Map<string, string>();
  #size = 0;
  #ends = 0;
  #isPumping = false;

  constructor(gate: SendGate) {
    this.#gate = gate;
  }

  get size(): number {
    return this.#size;
  }

  push(sender: Sender, delivery: Delivery, url: string): void {
    // Mostly nothing waits and there is room.
    const isNext = this.#size === 0 && !this.#isPumping && this.#gate.isOpen() && this.#gate.hasRoom(url);
    if (isNext) this.#alone(() => sender.send(delivery));
    else this.#wait({ sender, delivery, url });
    this.pump();
  }

  #wait(waiting: Waiting): void {
    const { sender, url } = waiting;
    const origin = this.#originOf(url);
    const projects: Projects = this.#ready.get(origin) ?? this.#full.get(origin) ?? new Map();
    const turns = projects.get(sender.project.uuid) ?? new Turns();
    turns.push(sender, waiting);
    projects.set(sender.project.uuid, turns);
    this.#full.delete(origin);
    this.#ready.set(origin, projects);
    this.#size++;
  }

  /** Sends while there is room. */
  pump(): void {
    if (this.#isPumping || this.#ready.size === 0) return;
    this.#alone(() => {
      while (this.#sendRound());
    });
  }

  /** A send can end at once and bring the next one: that one waits, so that ten thousand do not nest. */
  #alone(send: () => void): void {
    this.#isPumping = true;
    try {
      send();
    } finally {
      this.#isPumping = false;
    }
  }

  /** An exchange with this URL's origin has ended. */
  ended(url: string): void {
    this.#ends++;
    if (this.#ends % endsForSweep === 0) return this.sweep();
    const origin = this.#originOf(url);
    const projects = this.#full.get(origin);
    if (projects !== undefined) {
      this.#full.delete(origin);
      this.#ready.set(origin, projects);
    }
    this.pump();
  }

  /** Looks at every origin again. */
  sweep(): void {
    if (this.#full.size > 0) {
      this.#ready = new Map([...this.#ready, ...this.#full]);
      this.#full = new Map();
    }
    this.pump();
  }

  /** One delivery of each origin with room. False when none was sent. */
  #sendRound(): boolean {
    let isProgress = false;
    for (const [origin, projects] of this.#ready) {
      if (!this.#gate.isOpen()) return false;
      if (this.#sendOne(origin, projects)) isProgress = true;
    }
    return isProgress;
  }

  /** Forgets what a discarded run had waiting. */
  remove(sender: Sender): void {
    for (const origins of [this.#ready, this.#full]) {
      for (const [origin, projects] of origins) this.#removeFrom(origins, origin, projects, sender);
    }
  }

  #removeFrom(origins: Map<string, Projects>, origin: string, projects: Projects, sender: Sender): void {
    const { uuid } = sender.project;
    const turns = projects.get(uuid);
    if (turns === undefined) return;
    this.#size -= turns.remove(sender);
    if (turns.isEmpty) projects.delete(uuid);
    if (projects.size === 0) origins.delete(origin);
  }

  #sendOne(origin: string, projects: Projects): boolean {
    const [project, turns] = projects.entries().next().value!;
    const { sender, delivery, url } = turns.next;
    if (!this.#gate.hasRoom(url)) {
      this.#ready.delete(origin);
      this.#full.set(origin, projects);
      return false;
    }
    turns.shift();
    this.#size--;
    // One alone keeps its turn: there is nobody to let by.
    if (turns.isEmpty || projects.size > 1) projects.delete(project);
    if (!turns.isEmpty) projects.set(project, turns);
    if (projects.size === 0) this.#ready.delete(origin);
    sender.send(delivery);
    return true;
  }

  #originOf(url: string): string {
    let origin = this.#originByUrl.get(url);
    if (origin === undefined) {
      // Bounded: a cache of parses, not a registry of endpoints.
      if (this.#originByUrl.size > 10_000) this.#originByUrl.clear();
      origin = new URL(url).origin;
      this.#originByUrl.set(url, origin);
    }
    return origin;
  }
}
