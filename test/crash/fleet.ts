import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ServeProcess, startWaybill } from '../support/serve.ts';

export type Role = 'api' | 'dispatch' | 'serve';

export interface FleetOptions {
  readonly databaseUrl: string;
  readonly handlersUrl: string;
  readonly roles: readonly Role[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of every process in the slot of that name. */
  readonly envOf?: (slot: string) => Readonly<Record<string, string>>;
  /** Of the first process in each slot alone. */
  readonly first?: Readonly<Record<string, string>>;
}

/** A place for one process of a role: it may be killed and filled again. */
export interface Slot {
  readonly name: string;
  readonly role: Role;
  process: ServeProcess | null;
  /** Where it says whether it is well. */
  healthUrl: string | null;
  env: Readonly<Record<string, string>>;
  /** The last lines of processes that ended although nobody had asked them to. */
  readonly deaths: string[];
}

const commands: Record<Role, readonly string[]> = {
  api: ['api', '--port', '0', '--host', '127.0.0.1'],
  serve: ['serve', '--port', '0', '--host', '127.0.0.1'],
  dispatch: ['dispatch', '--metrics-port', '0'],
};

const startsMax = 8;

/** Several `waybill` processes on one database, as on several machines. */
export class Fleet {
  readonly apiKey = `wb_${randomBytes(18).toString('hex')}`;
  readonly slots: readonly Slot[];
  /** Processes that ended before they were ready, since the database was not. */
  failedStarts = 0;
  readonly #env: Readonly<Record<string, string>>;
  readonly #envOf: (slot: string) => Readonly<Record<string, string>>;
  #isStopping = false;

  static async start(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    for (const slot of fleet.slots) slot.env = options.first ?? {};
    await Promise.all(fleet.slots.map((slot) => fleet.fill(slot)));
    for (const slot of fleet.slots) slot.env = {};
    return fleet;
  }

  private constructor({ databaseUrl, handlersUrl, roles, env = {}, envOf = () => ({}) }: FleetOptions) {
    this.#envOf = envOf;
    this.#env = {
      DATABASE_URL: databaseUrl,
      WAYBILL_MASTER_KEY: randomBytes(32).toString('base64'),
      WAYBILL_API_KEY: this.apiKey,
      WAYBILL_EGRESS_ALLOW: '127.0.0.0/8',
      WAYBILL_BASE_URL: handlersUrl,
      // Of the balancer in front of all of them, which the callers are themselves.
      WAYBILL_PUBLIC_URL: 'https://waybill.test',
      WAYBILL_LOG_LEVEL: 'warn',
      WAYBILL_GRACE: '10',
      ...env,
    };
    this.slots = roles.map((role, index) => {
      const number = roles.slice(0, index).filter((other) => other === role).length + 1;
      return { name: `${role} ${number}`, role, process: null, healthUrl: null, env: {}, deaths: [] };
    });
  }

  /** Where the API is, as of now; never empty, so that a client without any has somebody to fail at. */
  urls(): readonly string[] {
    const urls = this.slots.flatMap(({ process }) => (process?.url ? [process.url] : []));
    return urls.length > 0 ? urls : ['http://127.0.0.1:9'];
  }

  of(...roles: Role[]): Slot[] {
    return this.slots.filter(({ role }) => roles.includes(role));
  }

  /** Starts the slot's process; resolves when it has said that it is ready. */
  async fill(slot: Slot): Promise<void> {
    const env = { ...this.#env, ...this.#envOf(slot.name), ...slot.env };
    const started = await this.#started(slot.role, env);
    slot.process = started;
    const [aside] = /http:\S+(?=\/metrics)/.exec(started.log()) ?? [];
    slot.healthUrl = started.url || aside || null;
    void started.ended().then(() => {
      if (slot.process !== started || this.#isStopping) return;
      slot.deaths.push(started.log().split('\n').slice(-20).join('\n'));
      slot.process = null;
    });
  }

  /** Whatever supervises processes starts one again that did not get ready: its database was away just then. */
  async #started(role: Role, env: Readonly<Record<string, string>>): Promise<ServeProcess> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await startWaybill(commands[role], env);
      } catch (error) {
        const isOfDatabase = /CONNECTION_|CONNECT_|ECONN|database|Connection|terminat/.test(String(error));
        if (!isOfDatabase || this.#isStopping || attempt === startsMax) throw error;
        this.failedStarts++;
      }
    }
  }

  /** SIGKILL. */
  async kill(slot: Slot): Promise<void> {
    const { process } = slot;
    slot.process = null;
    await process?.kill();
  }

  /** SIGTERM, after which it must end in order. */
  async stop(slot: Slot): Promise<void> {
    const { process } = slot;
    slot.process = null;
    if (process) await endInOrder(slot.name, process);
  }

  /** To the process alone. */
  signal({ process: held }: Slot, signal: NodeJS.Signals): void {
    if (held) process.kill(held.pid, signal);
  }

  /** Processes that ended although nobody had asked them to, with the end of their log. */
  deaths(): string[] {
    return this.slots.flatMap(({ name, deaths }) =>
      deaths.map((log) => `${name} ended by itself; its last lines:\n${log}`),
    );
  }

  /** Resident memory of all processes, in MiB. */
  memoryMib(): number {
    const sizes = this.slots.map(({ process }) => (process ? residentMib(process.pid) : 0));
    return Math.round(sizes.reduce((sum, size) => sum + size, 0));
  }

  async end(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.slots.map((slot) => this.kill(slot)));
  }
}

/** NaN without /proc. */
function residentMib(pid: number): number {
  try {
    const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kib) / 1024;
  } catch {
    return Number.NaN;
  }
}

/** @throws Error with its last lines when SIGTERM is not what it ended by. */
export async function endInOrder(name: string, process: ServeProcess): Promise<void> {
  const code = await process.stop();
  if (code === 0) return;
  const last = process.log().split('\n').slice(-10).join('\n');
  throw new Error(`${name} ended with ${code} when it was asked to; its last lines:\n${last}`);
}
