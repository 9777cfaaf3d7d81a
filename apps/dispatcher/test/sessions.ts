import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { DispatcherDeps } from '../src/dispatcher.ts';
import { type Handler, startHandler } from './handler.ts';
import * as live from './live.ts';

export interface Sessions {
  readonly database: live.TestDatabase;
  readonly handler: Handler;
  /** Closed after the test. */
  start(changed?: Partial<DispatcherDeps>): Promise<live.TestSession>;
}

/** A database and a handler for the file it is called in; `tables` are emptied before each test. */
export function useSessions(onReady: (sessions: Sessions) => void, tables: readonly string[] = []): void {
  const open: { close(): Promise<void> }[] = [];
  let sessions: Sessions;
  beforeAll(async () => {
    const database = await live.startDatabase();
    const handler = await startHandler();
    const start = async (changed: Partial<DispatcherDeps> = {}) => {
      const session = await live.startSession(database, changed);
      open.push(session);
      return session;
    };
    sessions = { database, handler, start };
    onReady(sessions);
  });
  beforeEach(async () => {
    if (tables.length > 0) await sessions.database.sql.unsafe(`truncate ${tables.join(', ')}`);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
    sessions.handler.reset();
  });
  afterAll(async () => {
    await sessions.handler.close();
    await sessions.database.stop();
  });
}
