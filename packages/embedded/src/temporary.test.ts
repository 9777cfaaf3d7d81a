import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildPackage, cleanUp, end, hold, query } from '../test/harness.ts';
import { processIdentity } from './process-identity.ts';
import { startTemporaryPostgres } from './temporary.ts';

beforeAll(buildPackage);

afterEach(cleanUp);

describe('a temporary PostgreSQL', () => {
  it('leaves nothing behind', async () => {
    const server = await startTemporaryPostgres();
    const [{ dir }] = (await query(server.url, `select current_setting('data_directory') as dir`)) as [
      { dir: string },
    ];
    expect(existsSync(dir)).toBe(true);
    await server.stop();
    expect(existsSync(resolve(dir, '..'))).toBe(false);
    expect(existsSync(server.socketDir!)).toBe(false);
  });

  it('clears up after a test run that was killed', async () => {
    const { holder, held } = await hold();
    const [{ dir }] = (await query(held.url, `select current_setting('data_directory') as dir`)) as [
      { dir: string },
    ];
    await end(holder, 'SIGKILL');
    const server = await startTemporaryPostgres();
    await server.stop();
    expect(processIdentity(held.pid)).toBeUndefined();
    expect(existsSync(resolve(dir, '..'))).toBe(false);
    expect(existsSync(held.socketDir)).toBe(false);
  });
});
