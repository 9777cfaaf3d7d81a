/**
 * The HTTP API: one file per resource under routes/. Checks, stores, acknowledges; decides nothing about
 * a run (the engine does) and sends nothing (the dispatcher does).
 */
export { type Api, createApi } from './api.ts';
export type { ApiDeps, CommitListener, LocalDispatcher, Scope } from './deps.ts';
