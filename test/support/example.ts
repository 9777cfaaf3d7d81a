import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A program of `examples/` in a process of its own. */
export interface Example {
  /** The first match of its output, past or to come; rejects when it ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** The exit code once it has ended by itself. */
  ended(): Promise<number | null>;
  stop(): Promise<void>;
}

/** `env` is all that the process gets to see beside PATH and HOME. */
export function startExample(command: readonly [string, ...string[]], env: Record<string, string>): Example {
  const [program, ...args] = command;
  const { PATH = '', HOME = '' } = process.env;
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const child = spawn(program, args, { cwd: root, env: { PATH, HOME, ...env }, stdio: [...stdio] });
  const closed = once(child, 'close');
  const lines: string[] = [];
  const look = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream! }).on('line', (line) => {
      lines.push(line);
      for (const check of look) check();
    });
  }
  const found = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve) => {
      const check = () => {
        const match = lines.map((line) => pattern.exec(line)).find((match) => match !== null);
        if (!match) return;
        look.delete(check);
        resolve(match);
      };
      look.add(check);
      check();
    });
  const missed = async (pattern: RegExp): Promise<never> => {
    await closed;
    throw new Error(`${command.join(' ')} ended without ${pattern}:\n${lines.join('\n')}`);
  };
  return {
    line: (pattern) => Promise.race([found(pattern), missed(pattern)]),
    ended: async () => (await closed)[0] as number | null,
    stop: async () => {
      child.kill();
      await closed;
    },
  };
}
