import { type ConnectOptions, connect, type Sql } from './connect.ts';

/** What still runs on other connections of a pool that is given up may take so long. */
const lastAnswersSeconds = 10;

/**
 * Connections that are replaced all together once one of them breaks. A connection of postgres.js 3.4.9 that
 * closes while something waits to be written on it is reused and never writes again (its `nextWriteTimer` stays
 * set): what has closed must not be connected again.
 */
export function createPool(url: string, options: Omit<ConnectOptions, 'onClose' | 'reconnectDelayMs'>): Sql {
  let isEnded = false;
  let current = open();

  function open(): Sql {
    const sql: Sql = connect(url, { ...options, onClose: () => replace(sql) });
    return sql;
  }

  function replace(broken: Sql): void {
    if (broken !== current || isEnded) return;
    current = open();
    broken.end({ timeout: lastAnswersSeconds }).catch(() => {});
  }

  const end: Sql['end'] = async (how) => {
    isEnded = true;
    await current.end(how);
  };
  return new Proxy(current, {
    apply: (_, __, parts: Parameters<Sql>) => current(...parts),
    get: (_, name) => (name === 'end' ? end : Reflect.get(current, name)),
  });
}
