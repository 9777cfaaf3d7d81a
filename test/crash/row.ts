import type { Random } from '../support/random.ts';

/** How far a row goes; what is not asked for is the row's own short form. */
export interface RowSize {
  readonly seconds: number;
  readonly runs: number;
}

export interface RowContext extends RowSize {
  readonly seed: number;
  readonly random: Random;
  /** A line on what is going on, for whoever watches. */
  note(line: string): void;
}

export interface RowReport {
  readonly figures: Readonly<Record<string, number | string>>;
  /** A sentence each; none is what is wanted. */
  readonly violations: readonly string[];
}

/** A fault and what must be seen: one file below `rows/`. */
export interface FaultRow {
  /** `R3`. */
  readonly id: string;
  readonly title: string;
  /** Runs in CI: a minute at most, whatever the machine. */
  readonly short: RowSize;
  /** Debian packages it needs, beside Node and npm. */
  readonly packages?: readonly string[];
  /** Mounts: it runs in a namespace of its own, for which it has to be root. */
  readonly mounts?: boolean;
  run(context: RowContext): Promise<RowReport>;
}

/** A row that is shown by something else, or cannot be shown yet. */
export interface ElsewhereRow {
  readonly id: string;
  readonly title: string;
  readonly where: string;
}

export type TableRow = FaultRow | ElsewhereRow;

export function isElsewhere(row: TableRow): row is ElsewhereRow {
  return 'where' in row;
}

/** The figures of one part of a row. */
export function prefixed(prefix: string, figures: RowReport['figures']): RowReport['figures'] {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [prefix + name, value]));
}
