import { OutcomeUnknownError } from '@waybill/store';
import type { Faults } from '../faults.ts';
import type { SimProcess } from '../process.ts';
import type { Random } from '../random.ts';
import type { World } from '../world.ts';
import { type ModelDatabase, ModelError } from './database.ts';

export interface LinkOptions {
  readonly world: World;
  readonly process: SimProcess;
  readonly server: ModelServer;
  readonly faults: Faults;
  readonly random: Random;
}

/** The database as processes reach it: up or down, and how often it went down. */
export class ModelServer {
  readonly database: ModelDatabase;
  isDown = false;
  /** Connections of earlier epochs are broken. */
  epoch = 0;

  constructor(database: ModelDatabase) {
    this.database = database;
  }

  stop(): void {
    this.isDown = true;
    this.epoch++;
  }

  start(): void {
    this.isDown = false;
  }
}

const broken = (why: string) => new OutcomeUnknownError(new Error(why));

/** The way from a process to the database and back. What is lost there is lost without a word to either side. */
export class Link {
  readonly #options: LinkOptions;
  #mutedUntilMs = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Nothing gets through for so long, and nobody says so. */
  mute(forMs: number): void {
    this.#mutedUntilMs = this.#options.world.nowMs + forMs;
  }

  /** One message, which is one transaction. */
  call<T>(name: string, run: (database: ModelDatabase) => T, answerMsMax = 10_000): Promise<T> {
    const { world, process, server, faults, random } = this.#options;
    return new Promise((resolve, reject) => {
      const { epoch } = server;
      const timeout = process.runtime.after(answerMsMax, () => reject(broken(`no answer to ${name}`)));
      if (world.nowMs < this.#mutedUntilMs) return;
      const settle = (delayMs: number, tell: () => void) => {
        world.after(delayMs, () =>
          process.run(() => {
            timeout.cancel();
            tell();
          }),
        );
      };
      const fate = server.isDown ? 'down' : faults.ofMessage();
      if (fate === 'down' || fate === 'requestLost') {
        // Noticed at once, or only by the silence.
        if (random.chance(0.8))
          settle(random.skewed(0.1, 500), () => reject(broken(`${name}: connection lost`)));
        return;
      }
      world.after(this.#way(fate === 'slow'), () => {
        if (server.epoch !== epoch) return settle(0.1, () => reject(broken(`${name}: server gone`)));
        if (fate === 'transient')
          return settle(this.#way(false), () => reject(random.pick(transientErrors)(name)));
        const outcome = attempt(() => server.database.atomically(() => run(server.database)));
        world.note(`${process.name} ${name}${'error' in outcome ? ` ! ${outcome.error}` : ''}`);
        if (fate === 'answerLost') {
          if (random.chance(0.8))
            settle(random.skewed(0.1, 500), () => reject(broken(`${name}: answer lost`)));
          return;
        }
        settle(this.#way(false), () => {
          if (server.epoch !== epoch) reject(broken(`${name}: server gone`));
          else if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.value);
        });
      });
    });
  }

  #way(isSlow: boolean): number {
    const { random } = this.#options;
    // Slower than anybody waits: it takes effect when its sender has long sent it again.
    return isSlow ? random.skewed(100, 20_000) : random.skewed(0.2, 20);
  }
}

const transientErrors = [
  (name: string) => new ModelError('40P01', `${name}: deadlock detected`),
  (name: string) => new ModelError('57014', `${name}: statement timeout`),
  (name: string) => new ModelError('53300', `${name}: too many connections`),
];

function attempt<T>(run: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}
