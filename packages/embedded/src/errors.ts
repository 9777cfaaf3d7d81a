/** Stable words a caller may branch on; the message is for people. */
export type EmbeddedPostgresErrorCode =
  | 'unsupported_platform'
  | 'binaries_unusable'
  | 'root_refused'
  | 'data_dir_in_use'
  | 'data_dir_damaged'
  | 'initdb_failed'
  | 'start_failed'
  | 'start_timeout';

/** The only error class of this package. Messages carry paths and server log lines, never the password. */
export class EmbeddedPostgresError extends Error {
  readonly code: EmbeddedPostgresErrorCode;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedPostgresError';
    this.code = code;
  }
}

/** The `code` of a Node system error (`ENOENT`, …), if it is one. */
export function systemCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
