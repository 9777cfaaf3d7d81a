import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../packages/cli/bin/waybill.js', import.meta.url));
const readyTimeoutMs = 60_000;
const logLinesMax = 200;

/** Or the signal that it died of. */
export type ExitCode = number | NodeJS.Signals;

/** A real `waybill` process that has said it is ready. */
export interface ServeProcess {
  /** Empty for a role without an API. */
  readonly url: string;
  readonly pid: number;
  /** SIGTERM; resolves as `ended`. */
  stop(): Promise<ExitCode>;
  /** Resolves when it has ended, also by itself. */
  ended(): Promise<ExitCode>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** The last lines of stdout and stderr, for the message of a failed test. */
  log(): string;
}

/** Starts `waybill serve` on a free port. */
export function startServe(env: Readonly<Record<string, string>>): Promise<ServeProcess> {
  return startWaybill(['serve', '--port', '0', '--host', '127.0.0.1'], env);
}

/** Starts the command. `env` is all the process gets to see beside PATH and HOME. */
export async function startWaybill(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ServeProcess> {
  const { PATH = '', HOME = '' } = process.env;
  // As users run it: its first line brings its own node flags. The node that it finds is the one of the tests.
  const child = spawn(program, args, {
    env: { PATH: `${dirname(process.execPath)}${delimiter}${PATH}`, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Not 'exit': by then every line was read.
  const exited = once(child, 'close');
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const forget = () => void process.off('exit', endWithUs);
  exited.then(forget, forget);
  const lines: string[] = [];
  const log = () => lines.join('\n');
  const ready = watch(child, lines);
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, readyTimeoutMs, null);
  });
  const url = await Promise.race([ready, exited.then(() => null), timeout]);
  clearTimeout(timer);
  if (url === null) {
    child.kill('SIGKILL');
    throw new Error(`waybill ${args[0]} did not get ready:\n${log()}`);
  }
  const ended = async () => {
    const [code, signal] = (await exited) as [number | null, NodeJS.Signals | null];
    return code ?? signal!;
  };
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal); // has no effect on a process that has ended
    return ended();
  };
  return {
    url,
    pid: child.pid!,
    log,
    ended,
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
  };
}

function watch(child: ChildProcess, lines: string[]): Promise<string> {
  return new Promise((resolve) => {
    const keep = (line: string) => {
      lines.push(line);
      if (lines.length > logLinesMax) lines.shift();
    };
    createInterface({ input: child.stderr! }).on('line', keep);
    createInterface({ input: child.stdout! }).on('line', (line) => {
      keep(line);
      const ready = /^waybill \w+ ready(?: on (\S+))?/.exec(line);
      if (ready) resolve(ready[1] ?? '');
    });
  });
}
