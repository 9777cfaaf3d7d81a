import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../support/ports.ts';
import { pause } from './caller.ts';

const program = '/usr/sbin/pgbouncer';

/** A PgBouncer in transaction mode: statements of one client run in whichever session is free. */
export class PgBouncer {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  static async start(databaseUrl: string): Promise<PgBouncer> {
    if (!existsSync(program)) throw new Error('R6 needs PgBouncer: apt-get install pgbouncer');
    const target = new URL(databaseUrl);
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'waybill-pgbouncer-'));
    const file = (name: string) => join(directory, name);
    // The password of a database that is thrown away; PgBouncer reads it as another user when root starts it.
    writeFileSync(file('users.txt'), `"${target.username}" "${target.password}"\n`);
    writeFileSync(file('pgbouncer.ini'), settingsOf(target, port, file('users.txt')));
    const isRoot = process.getuid?.() === 0;
    const [command, ...args] = isRoot
      ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', program]
      : [program];
    chmodSync(directory, 0o755);
    const child = spawn(command!, [...args, file('pgbouncer.ini')], { stdio: 'ignore' });
    const url = new URL(databaseUrl);
    url.host = `127.0.0.1:${port}`;
    const bouncer = new PgBouncer(child, directory, url.href);
    await bouncer.#listening(port);
    return bouncer;
  }

  private constructor(child: ChildProcess, directory: string, url: string) {
    this.#child = child;
    this.#directory = directory;
    this.url = url;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exited;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #listening(port: number): Promise<void> {
    while (this.#child.exitCode === null) {
      const socket = connect(port, '127.0.0.1');
      // Rejects on `error`.
      const isUp = await once(socket, 'connect').then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isUp) return;
      await pause(50);
    }
    throw new Error(`pgbouncer ended with ${this.#child.exitCode}`);
  }
}

function settingsOf(target: URL, port: number, users: string): string {
  const database = target.pathname.slice(1);
  return `[databases]
${database} = host=${target.hostname} port=${target.port} dbname=${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = 20
max_client_conn = 500
`;
}
