export type StoreErrorCode =
  | 'lease_lost'
  | 'stale_run'
  | 'run_refused'
  | 'journal_closed'
  | 'journal_full'
  | 'inbox_full'
  | 'schema_newer'
  | 'schema_locked'
  | 'unknown_failpoint'
  | 'unsuitable_server';

/** Base of the store's own errors; what PostgreSQL said is in `cause`. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreError';
    this.code = code;
  }
}

/** The SQLSTATE of an error that PostgreSQL answered with; undefined when the connection broke. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'PostgresError') return undefined;
  const { code } = error as Error & { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** The table that a constraint violation names. */
export function violatedTable(error: unknown): string {
  const { table_name: table } = error as { table_name?: unknown };
  return typeof table === 'string' ? table : '';
}
