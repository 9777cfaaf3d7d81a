import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Binaries, locateBinaries } from './binaries.ts';
import { clusterDir, DATABASE, ensureCluster, USER } from './cluster.ts';
import { EmbeddedPostgresError } from './errors.ts';
import { atProcessExit } from './exit-hooks.ts';
import { chooseLauncher, type Launcher } from './launcher.ts';
import { freePort, makeSocketDir, removeSocketDir } from './listen.ts';
import { stopOrphan } from './orphan.ts';
import { type Claim, claimDataDir } from './owner.ts';
import { type Server, type ServerExit, type ServerSpec, type StopMode, startServer } from './server.ts';

export interface EmbeddedPostgresOptions {
  /** Made (mode 700) when missing. Holds the cluster, its password and the owner file; any length of path. */
  dataDir: string;
  /** A fixed TCP port, so that the url stays the same over restarts. Default: a free one. */
  port?: number;
  /** Settings of postgresql.conf. `log_min_messages` must let LOG lines through: readiness is one. */
  settings?: Record<string, string>;
  /** Gets each line of the server's log. */
  log?: (line: string) => void;
  /** False lets initdb not wait for the disk; for throw-away clusters. Default true. */
  isDurable?: boolean;
}

export interface EmbeddedPostgres {
  /** For `postgres(url)` and psql. TCP, because the two spell a socket's path differently. Holds the password. */
  readonly url: string;
  readonly port: number;
  /** Folder of the unix socket (`postgres(url, { host: socketDir })`, `psql -h`); `undefined` on Windows. */
  readonly socketDir: string | undefined;
  readonly pid: number;
  /** Resolves when the server has ended, by `stop` or by itself. Never rejects. */
  readonly exited: Promise<ServerExit>;
  /** Resolves when the server is gone and the data dir is free. Repeatable; `immediate` overtakes `fast`. */
  stop(mode?: StopMode): Promise<void>;
}

const startAttemptsMax = 50;
/** A fast stop that takes longer than this is turned into an immediate one, and that into a kill. */
const fastStopGraceMs = 20_000;
const immediateStopGraceMs = 5_000;

/**
 * Starts PostgreSQL 18 on `dataDir`, making the cluster on first use. A server that a killed process left running
 * there is stopped first. Throws EmbeddedPostgresError; `data_dir_in_use` when a live process owns the data dir.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const dataDir = realpathSync(options.dataDir); // one name for one place: orphans are recognised by it
  const socketDir = makeSocketDir();
  let claim: Claim | undefined;
  const leave = () => {
    removeSocketDir(socketDir);
    claim?.release();
  };
  try {
    claim = claimDataDir(dataDir, socketDir);
    removeSocketDir(claim.previous.socketDir);
    return await startOwned({ ...options, dataDir }, socketDir, leave);
  } catch (error) {
    leave();
    throw error;
  }
}

async function startOwned(
  options: EmbeddedPostgresOptions,
  socketDir: string | undefined,
  leave: () => void,
): Promise<EmbeddedPostgres> {
  const { dataDir, settings = {}, log = () => {}, isDurable = true } = options;
  const cluster = clusterDir(dataDir);
  const binaries = await locateBinaries();
  const launcher = await launcherFor(dataDir, cluster, binaries);
  await stopOrphan(cluster, log);
  const password = await ensureCluster({ dataDir, binaries, launcher, isDurable });
  const port = options.port ?? (await freePort());
  const spec = { postgres: binaries.postgres, launcher, cluster, settings, log, socketDir, port };
  const started = await startWithRetries(spec, options.port === undefined);
  const url = `postgres://${USER}:${password}@127.0.0.1:${started.port}/${DATABASE}`;
  return supervise(started.server, { url, port: started.port, socketDir }, leave);
}

function launcherFor(dataDir: string, cluster: string, { postgres }: Binaries): Promise<Launcher> {
  const ownerUid = statSync(existsSync(cluster) ? cluster : dataDir).uid;
  return chooseLauncher({ postgres, dataDir, ownerUid });
}

/** Some failures pass: a port taken meanwhile, and remains of a predecessor that are just going away. */
async function startWithRetries(
  spec: ServerSpec,
  mayChangePort: boolean,
): Promise<{ server: Server; port: number }> {
  let port = spec.port;
  for (let attempt = 1; ; attempt++) {
    try {
      return { server: await startServer({ ...spec, port }), port };
    } catch (error) {
      if (!(error instanceof EmbeddedPostgresError) || attempt >= startAttemptsMax) throw error;
      if (error.message.includes('could not create any TCP/IP sockets') && mayChangePort) {
        port = await freePort();
      } else if (/lock file .* already exists/.test(error.message)) {
        // An orphan that was itself still starting when we looked first.
        await stopOrphan(spec.cluster, spec.log);
      } else if (error.message.includes('pre-existing shared memory block')) {
        await sleep(100); // sessions of a postmaster that was killed end by themselves, soon
      } else {
        throw error;
      }
    }
  }
}

type Place = Pick<EmbeddedPostgres, 'url' | 'port' | 'socketDir'>;

function supervise(server: Server, place: Place, leave: () => void): EmbeddedPostgres {
  const forget = atProcessExit(() => {
    server.signal('SIGINT'); // the server ends its stop after us; the next start waits for it
    removeSocketDir(place.socketDir);
  });
  const exited = server.exited.then((exit) => {
    forget();
    leave();
    return exit;
  });
  return { ...place, pid: server.pid, exited, stop: (mode = 'fast') => stopServer(server, exited, mode) };
}

async function stopServer(server: Server, exited: Promise<ServerExit>, mode: StopMode): Promise<void> {
  const fastMs = mode === 'fast' ? fastStopGraceMs : 0;
  server.signal(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
  const quit = setTimeout(() => server.signal('SIGQUIT'), fastMs);
  const kill = setTimeout(() => server.signal('SIGKILL'), fastMs + immediateStopGraceMs);
  await exited;
  clearTimeout(quit);
  clearTimeout(kill);
}
