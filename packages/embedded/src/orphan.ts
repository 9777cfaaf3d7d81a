import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgresError } from './errors.ts';
import { isStillRunning, processIdentity } from './process-identity.ts';

/** How long each signal is given before the next, harder one. A fast stop writes a checkpoint first. */
const escalation = [
  { signal: 'SIGINT', graceMs: 20_000 },
  { signal: 'SIGQUIT', graceMs: 5_000 },
  { signal: 'SIGKILL', graceMs: 5_000 },
] as const;
const pollMs = 10;

/**
 * Ends the server that a killed owner left running on this cluster, and removes its `postmaster.pid`. PostgreSQL
 * itself only asks whether that pid exists, and would refuse to start because of another program that was given
 * the pid, or of a zombie (in a container whose first process reaps none). Sessions that outlive their postmaster
 * are still noticed, by the shared memory they hold. To be called by the owner of the data dir only.
 */
export async function stopOrphan(cluster: string, log: (line: string) => void): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid');
  const pid = readPid(pidFile);
  const identity = pid === undefined ? undefined : processIdentity(pid);
  if (pid !== undefined && identity !== undefined && isServerOf(pid, cluster)) {
    log(`stopping the PostgreSQL that an earlier process left running (pid ${pid})`);
    await endProcess(pid, identity);
  }
  rmSync(pidFile, { force: true });
}

function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** The server works inside its cluster's folder; where that cannot be seen, its command line names the folder. */
function isServerOf(pid: number, cluster: string): boolean {
  if (process.platform === 'linux') {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === cluster;
    } catch {
      // another user's process: fall through to what everyone may see
    }
  }
  try {
    return execFileSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).includes(
      cluster,
    );
  } catch {
    return false;
  }
}

/** The process is not our child, so its end can only be seen by looking. */
async function endProcess(pid: number, identity: string): Promise<void> {
  for (const { signal, graceMs } of escalation) {
    if (!isStillRunning(pid, identity)) return;
    process.kill(pid, signal);
    for (let waitedMs = 0; waitedMs < graceMs; waitedMs += pollMs) {
      if (!isStillRunning(pid, identity)) return;
      await sleep(pollMs);
    }
  }
  throw new EmbeddedPostgresError('start_failed', `the orphaned PostgreSQL ${pid} does not end`);
}
