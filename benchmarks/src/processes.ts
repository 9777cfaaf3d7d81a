import { type ChildProcess, fork, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type EmbeddedPostgres, startTemporaryPostgres } from '@waybill/embedded';

export interface Bench {
  readonly postgres: EmbeddedPostgres;
  readonly handler: Handler;
  readonly serve: Serve;
  stop(): Promise<void>;
}

export interface Handler {
  readonly pid: number;
  readonly url: string;
  /** Called with the ids of runs whose last step was answered. */
  onEnded: (runs: readonly string[]) => void;
  /** Called with the epoch ms (fractions kept) at which onComplete arrived. */
  onHook: (atMs: number) => void;
  stop(): void;
}

export interface Serve {
  readonly pid: number;
  readonly url: string;
  stop(): Promise<void>;
}

export const apiKey = 'wb_benchmark_key';

/** Handler server, PostgreSQL (fsync and synchronous_commit on) and `waybill serve`: a process each. */
export async function startBench(): Promise<Bench> {
  const postgres = await startTemporaryPostgres();
  const handler = await startHandler();
  const serve = await startServe(postgres.url);
  const stop = async () => {
    await serve.stop();
    handler.stop();
    await postgres.stop();
  };
  return { postgres, handler, serve, stop };
}

export async function startHandler(): Promise<Handler> {
  const child = fork(fileURLToPath(new URL('handler.js', import.meta.url)));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('message', (message: { port: number }) => resolve(message.port));
  });
  const handler: Handler = {
    pid: child.pid!,
    url: `http://127.0.0.1:${port}`,
    onEnded: () => {},
    onHook: () => {},
    stop: () => child.disconnect(),
  };
  child.on('message', ({ ended, hookAt }: { ended?: string[]; hookAt?: number }) => {
    if (ended) handler.onEnded(ended);
    if (hookAt) handler.onHook(hookAt);
  });
  return handler;
}

async function startServe(databaseUrl: string): Promise<Serve> {
  const bin = fileURLToPath(new URL('../../packages/cli/bin/waybill.js', import.meta.url));
  // As users run it: the bin brings its own node flags. BENCH_NODE_ARGS=--cpu-prof shows where time goes.
  const nodeArgs = process.env.BENCH_NODE_ARGS?.split(' ');
  const command = nodeArgs ? [process.execPath, ...nodeArgs, bin] : [bin];
  const args = [...command.slice(1), 'serve', '--port', '0', '--host', '127.0.0.1'];
  const child = spawn(command[0]!, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      WAYBILL_MASTER_KEY: 'benchmark master key, 32 characters',
      WAYBILL_API_KEY: apiKey,
      WAYBILL_EGRESS_ALLOW: '127.0.0.0/8',
      WAYBILL_LOG_LEVEL: 'warn',
    },
  });
  return { pid: child.pid!, url: await readyUrl(child), stop: () => terminate(child) };
}

function readyUrl(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.once('exit', (code) => reject(new Error(`waybill serve ended with code ${code}`)));
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const url = /ready on (http:\S+)/.exec(output)?.[1];
      if (url) resolve(url);
    });
  });
}

function terminate(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

/** CPU used so far, in µs, by a process alone or with its children (PostgreSQL's backends). NaN without /proc. */
export function cpuUs(pid: number, withChildren: boolean): number {
  try {
    const pids = withChildren ? [pid, ...childrenOf(pid)] : [pid];
    return pids.reduce((sum, id) => sum + ownCpuUs(id, withChildren), 0);
  } catch {
    return Number.NaN;
  }
}

/** Linux counts CPU time in ticks of 10 ms for every process it shows. */
const usPerTick = 10_000;

function ownCpuUs(pid: number, withEnded: boolean): number {
  const fields = statOf(pid);
  // utime and stime, then those of children that have ended.
  return (withEnded ? [11, 12, 13, 14] : [11, 12]).reduce(
    (sum, index) => sum + Number(fields[index]) * usPerTick,
    0,
  );
}

function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function childrenOf(pid: number): number[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((candidate) => {
    try {
      return Number(statOf(candidate)[1]) === pid;
    } catch {
      return false;
    }
  });
}
