import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDatabase } from '../support/database.ts';
import { freePort } from '../support/ports.ts';
import { pause } from './caller.ts';
import type { Ground } from './cluster.ts';
import { DebianServer, requireDebianPostgres, runProgram } from './debian-server.ts';

const user = 'waybill';
const standbyName = 'standby';
const settings = { shared_buffers: '64MB', max_connections: '100', wal_level: 'replica' };

/** A primary whose commits wait for a standby. `stop` loses the primary, `restart` promotes the standby. */
export class FailoverPair implements Ground {
  readonly #directory: string;
  readonly #password: string;
  readonly #primary: DebianServer;
  readonly #standby: DebianServer;
  #current: DebianServer;

  static async start(): Promise<FailoverPair> {
    requireDebianPostgres();
    const directory = mkdtempSync(join(tmpdir(), 'waybill-failover-'));
    chmodSync(directory, 0o755);
    const [first, second] = [join(directory, 'primary'), join(directory, 'standby')];
    for (const cluster of [first, second]) makeOwn(cluster);
    const password = randomBytes(24).toString('base64url');
    initialise(first, join(directory, 'password'), password);
    const primary = await DebianServer.start(first, await freePort(), settings);
    const at = ['-h', '127.0.0.1', '-p', String(primary.port)];
    runProgram('createdb', [...at, '-U', user, user], password);
    const from = `host=127.0.0.1 port=${primary.port} user=${user} password=${password} application_name=${standbyName}`;
    runProgram('pg_basebackup', ['-D', second, '-R', '-X', 'stream', '-c', 'fast', '-d', from]);
    const standby = await DebianServer.start(second, await freePort(), settings);
    const pair = new FailoverPair(directory, password, primary, standby);
    await pair.#synchronise();
    return pair;
  }

  private constructor(directory: string, password: string, primary: DebianServer, standby: DebianServer) {
    this.#directory = directory;
    this.#password = password;
    this.#primary = primary;
    this.#standby = standby;
    this.#current = primary;
  }

  get url(): string {
    return this.#urlOf(this.#current);
  }

  get hasEnded(): boolean {
    return this.#current.hasEnded;
  }

  async stop(): Promise<void> {
    await this.#primary.stop();
  }

  async restart(): Promise<void> {
    const sql = connectDatabase(this.#urlOf(this.#standby));
    await sql`select pg_promote(true, 60)`;
    await sql.end();
    this.#current = this.#standby;
  }

  async remove(): Promise<void> {
    await Promise.all([this.#primary.stop(), this.#standby.stop()]);
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 3 });
  }

  /** From here on nothing commits that the standby does not have. */
  async #synchronise(): Promise<void> {
    const sql = connectDatabase(this.#urlOf(this.#primary));
    // The standby's copy of the settings is from before: promoted, it waits for nobody.
    await sql.unsafe(`alter system set synchronous_standby_names = '${standbyName}'`);
    await sql`select pg_reload_conf()`;
    while ((await sql`select 1 from pg_stat_replication where sync_state = 'sync'`).length === 0)
      await pause(50);
    await sql.end();
  }

  #urlOf({ port }: DebianServer): string {
    return `postgres://${user}:${this.#password}@127.0.0.1:${port}/${user}`;
  }
}

function makeOwn(cluster: string): void {
  mkdirSync(cluster, { mode: 0o700 });
  if (process.getuid?.() === 0) chownSync(cluster, 65534, 65534);
}

function initialise(cluster: string, passwordFile: string, password: string): void {
  writeFileSync(passwordFile, password);
  const identity = ['-U', user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  runProgram('initdb', ['-D', cluster, ...identity, '-E', 'UTF8', '--locale=C', '--no-sync']);
}
