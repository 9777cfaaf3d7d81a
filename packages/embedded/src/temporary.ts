import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterDir } from './cluster.ts';
import { atProcessExit } from './exit-hooks.ts';
import { removeSocketDir } from './listen.ts';
import { stopOrphan } from './orphan.ts';
import { isOwnerAlive, readOwner } from './owner.ts';
import type { StopMode } from './server.ts';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './start.ts';

export type TemporaryPostgresOptions = Omit<EmbeddedPostgresOptions, 'dataDir' | 'isDurable'>;

const dirPrefix = 'waybill-pg-';

/** A server on a fresh folder under the system's temporary folder, removed on stop; for tests. Ready in about 1 s. */
export async function startTemporaryPostgres(
  options: TemporaryPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  await removeAbandoned();
  const dataDir = realpathSync(mkdtempSync(join(tmpdir(), dirPrefix)));
  const remove = () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  try {
    const postgres = await startEmbeddedPostgres({ ...options, dataDir, isDurable: false });
    const forget = atProcessExit(() => {
      process.kill(postgres.pid, 'SIGQUIT');
      remove();
    });
    const exited = postgres.exited.then((exit) => {
      forget();
      remove();
      return exit;
    });
    const stop = async (mode: StopMode = 'immediate') => {
      await postgres.stop(mode);
      await exited; // the folder is gone too
    };
    return { ...postgres, exited, stop };
  } catch (error) {
    remove();
    throw error;
  }
}

/** What test runs that were killed left behind: a running server and its folder. */
async function removeAbandoned(): Promise<void> {
  const names = readdirSync(tmpdir()).filter((name) => name.startsWith(dirPrefix));
  for (const name of names) {
    const dir = join(tmpdir(), name);
    try {
      const owner = readOwner(dir);
      if (owner?.pid === undefined || isOwnerAlive(owner)) continue; // not yet owned, being removed, or in use
      await stopOrphan(clusterDir(realpathSync(dir)), () => {});
      removeSocketDir(owner.socketDir);
      rmSync(dir, { recursive: true, force: true });
    } catch {
      // another user's, or another process removes it at this moment
    }
  }
}
