// A real PostgreSQL 18 from npm binaries, for `waybill dev` and for tests. Nothing here knows Waybill's schema.
export { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from './errors.ts';
export type { ServerExit, StopMode } from './server.ts';
export { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './start.ts';
export { startTemporaryPostgres, type TemporaryPostgresOptions } from './temporary.ts';
