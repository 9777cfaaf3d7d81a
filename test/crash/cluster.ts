import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@waybill/embedded';
import { freePort } from '../support/ports.ts';
import { pause } from './caller.ts';

/** A database that a campaign may take down and bring back. */
export interface Ground {
  /** Where it is reached, as of now. */
  readonly url: string;
  readonly hasEnded: boolean;
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  restart(): Promise<void>;
  /** Starts and crashes; see `Cluster`. */
  crashWhileStarting?(afterReadyMs: number | null): Promise<boolean>;
  /** Ends it, with all it has. */
  remove(): Promise<void>;
}

/** A PostgreSQL that may be stopped like a crash, and comes back at the same place with the same data. */
export class Cluster implements Ground {
  readonly url: string;
  readonly #dataDir: string;
  readonly #settings: Record<string, string>;
  #server: EmbeddedPostgres;
  #hasEnded = false;

  /** In `directory`, or in a temporary one. */
  static async start(settings: Record<string, string> = {}, directory = tmpdir()): Promise<Cluster> {
    const dataDir = mkdtempSync(join(directory, 'waybill-crash-'));
    const port = await freePort();
    const server = await startEmbeddedPostgres({ dataDir, port, settings, isDurable: false });
    return new Cluster(dataDir, settings, server);
  }

  private constructor(dataDir: string, settings: Record<string, string>, server: EmbeddedPostgres) {
    this.#dataDir = dataDir;
    this.#settings = settings;
    this.#server = server;
    this.url = server.url;
    this.#watch();
  }

  get pid(): number {
    return this.#server.pid;
  }

  /** It ended, asked to or not, and was not started again. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** `immediate` is a crash: nothing is written any more, the next start recovers. */
  async stop(mode: 'fast' | 'immediate' = 'immediate'): Promise<void> {
    await this.#server.stop(mode);
  }

  async restart(): Promise<void> {
    const { port } = this.#server;
    for (let attempt = 1; ; attempt++) {
      try {
        const options = { dataDir: this.#dataDir, port, settings: this.#settings, isDurable: false };
        this.#server = await startEmbeddedPostgres(options);
        this.#watch();
        return;
      } catch (error) {
        // Somebody's outgoing connection may have the port for a moment.
        if (attempt === 40) throw error;
        await pause(250);
      }
    }
  }

  /**
   * Starts, and crashes once more: while it recovers when `afterReadyMs` is null, else so long after it is ready.
   * Answers whether it was recovering.
   */
  async crashWhileStarting(afterReadyMs: number | null): Promise<boolean> {
    let wasRecovering = false;
    const log = (line: string) => {
      if (afterReadyMs !== null || !line.includes('redo starts')) return;
      wasRecovering = true;
      process.kill(postmasterOf(this.#dataDir), 'SIGQUIT');
    };
    try {
      const { port } = this.#server;
      const options = { dataDir: this.#dataDir, port, settings: this.#settings, isDurable: false, log };
      const server = await startEmbeddedPostgres(options);
      await pause(afterReadyMs ?? 0);
      await server.stop('immediate');
      return false;
    } catch (error) {
      if (!wasRecovering) throw error;
      return true;
    }
  }

  #watch(): void {
    const server = this.#server;
    this.#hasEnded = false;
    void server.exited.then(() => {
      if (this.#server === server) this.#hasEnded = true;
    });
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#dataDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** While it starts it is nobody's child that could be asked. */
function postmasterOf(dataDir: string): number {
  return Number.parseInt(readFileSync(join(dataDir, 'cluster', 'postmaster.pid'), 'utf8'), 10);
}
