import { parseArgs } from 'node:util';
import type { RowSize } from './row.ts';

export interface Options {
  readonly positionals: readonly string[];
  readonly seed: number;
  readonly size: Partial<RowSize>;
}

/** `--seed`, `--seconds`, `--runs` and what stands beside them. */
export function readOptions(): Options {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seed: text, seconds: text, runs: text },
  });
  const number = (name: 'seed' | 'seconds' | 'runs') => {
    const given = values[name];
    if (given !== undefined && !/^\d+$/.test(given)) throw new Error(`--${name} must be a whole number`);
    return given === undefined ? undefined : Number(given);
  };
  const [seconds, runs] = [number('seconds'), number('runs')];
  const size = { ...(seconds === undefined ? {} : { seconds }), ...(runs === undefined ? {} : { runs }) };
  return { positionals, seed: number('seed') ?? 1, size };
}
