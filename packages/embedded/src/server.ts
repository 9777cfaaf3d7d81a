import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { childEnvironment } from './environment.ts';
import { EmbeddedPostgresError } from './errors.ts';
import type { Launcher } from './launcher.ts';
import { type Listen, settingArguments } from './settings.ts';

/** `fast` ends sessions and writes a checkpoint; `immediate` is a crash: the next start recovers from the WAL. */
export type StopMode = 'fast' | 'immediate';

/** How the server ended. */
export interface ServerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Server {
  pid: number;
  exited: Promise<ServerExit>;
  signal(signal: NodeJS.Signals): void;
}

export interface ServerSpec extends Listen {
  postgres: string;
  launcher: Launcher;
  cluster: string;
  settings: Record<string, string>;
  log: (line: string) => void;
}

/** Recovery after a crash replays at most max_wal_size, which takes seconds; this only bounds a hang. */
const startTimeoutMs = 120_000;
const tailLines = 20;

/** Resolves when the server accepts connections. Throws `start_failed` with the end of its log, or `start_timeout`. */
export async function startServer(spec: ServerSpec): Promise<Server> {
  const child = spawnServer(spec);
  const exited = exitOf(child);
  const tail: string[] = [];
  const ready = watchLog(child, tail, spec.log);
  const outcome = await firstOf(ready, exited, startTimeoutMs);
  if (outcome === 'ready') return { pid: child.pid!, exited, signal: (signal) => void child.kill(signal) };
  child.kill('SIGKILL'); // after a timeout; it has no effect on a process that ended
  const message = `PostgreSQL did not start:\n${tail.join('\n')}`;
  throw new EmbeddedPostgresError(outcome === 'timeout' ? 'start_timeout' : 'start_failed', message);
}

function spawnServer({ launcher, postgres, cluster, settings, ...listen }: ServerSpec): ChildProcess {
  const args = ['-D', cluster, ...settingArguments(settings, listen)];
  const [command = postgres, ...rest] = [...launcher.prefix, postgres, ...args];
  return spawn(command, rest, {
    env: childEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    // A session of its own: Ctrl-C in the terminal is for Waybill, which still needs the database to drain.
    detached: true,
  });
}

/** `close`, not `exit`: by then every log line was read. Never rejects. */
function exitOf(child: ChildProcess): Promise<ServerExit> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: null, signal: null })); // could not be spawned at all
  });
}

function watchLog(child: ChildProcess, tail: string[], log: (line: string) => void): Promise<'ready'> {
  return new Promise((resolve) => {
    createInterface({ input: child.stderr! }).on('line', (line) => {
      tail.push(line);
      if (tail.length > tailLines) tail.shift();
      if (line.includes('database system is ready to accept connections')) resolve('ready');
      log(line);
    });
  });
}

async function firstOf(ready: Promise<'ready'>, exited: Promise<unknown>, timeoutMs: number) {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<'timeout'>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, 'timeout');
  });
  const ended = exited.then(() => 'exited' as const);
  return await Promise.race([ready, ended, timeout]).finally(() => clearTimeout(timer));
}
