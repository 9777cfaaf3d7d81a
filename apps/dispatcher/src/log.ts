import type { Logger } from 'pino';

/** Of a logger, what is used here. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error'>;
