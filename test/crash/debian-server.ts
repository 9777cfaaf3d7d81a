import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { pause } from './caller.ts';

/** Debian's `postgresql-15`, which brings what the embedded binaries lack: `pg_basebackup`. */
const binaries = '/usr/lib/postgresql/15/bin';

export function requireDebianPostgres(): void {
  if (!existsSync(`${binaries}/pg_basebackup`)) {
    throw new Error('R4 needs PostgreSQL 15 of Debian: apt-get install postgresql-15');
  }
}

/** PostgreSQL refuses to run as root: then its programs run as nobody, whom the files must belong to. */
const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

function command(program: string, args: readonly string[]): [string, string[]] {
  const whole = [...(process.getuid?.() === 0 ? asNobody : []), `${binaries}/${program}`, ...args];
  return [whole[0]!, whole.slice(1)];
}

const env = (password: string) => ({ PATH: process.env.PATH ?? '', PGPASSWORD: password, LC_ALL: 'C' });

/** To the end; its output is shown when it fails. */
export function runProgram(program: string, args: readonly string[], password = ''): void {
  const [file, rest] = command(program, args);
  execFileSync(file, rest, { env: env(password), stdio: 'pipe', cwd: '/' });
}

/** A running server on its files. */
export class DebianServer {
  readonly port: number;
  readonly #child: ChildProcess;
  #hasEnded = false;

  /** Resolves when it takes connections. */
  static async start(cluster: string, port: number, settings: Record<string, string>): Promise<DebianServer> {
    const all = { ...settings, port, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
    const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [file, args] = command('postgres', ['-D', cluster, ...options]);
    const child = spawn(file, args, { env: env(''), stdio: 'ignore', cwd: '/' });
    const server = new DebianServer(child, port);
    for (;;) {
      if (server.hasEnded) throw new Error(`postgres in ${cluster} did not start`);
      try {
        runProgram('pg_isready', ['-q', '-h', '127.0.0.1', '-p', String(port)]);
        return server;
      } catch {
        await pause(50);
      }
    }
  }

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    child.once('exit', () => {
      this.#hasEnded = true;
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** SIGQUIT: a crash of all its processes at once. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGQUIT');
    await exited;
  }
}
