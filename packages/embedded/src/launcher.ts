import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { EmbeddedPostgresError } from './errors.ts';

const run = promisify(execFile);

/** How the binaries are started. Every prefix ends in exec, so the pid of the child is PostgreSQL itself. */
export interface Launcher {
  readonly prefix: readonly string[];
  /** Who must own the cluster's files, seen from this process; `undefined`: whoever creates them. */
  readonly uid: number | undefined;
}

export interface LauncherNeeds {
  postgres: string;
  dataDir: string;
  /** Owner of the cluster, or of the folder it will be made in; matters to root only. */
  ownerUid: number;
}

/**
 * PostgreSQL refuses to run as root, and initdb as a uid that has no name. So root starts them
 * - in a user namespace, where root is seen as `nobody`: outside, the files and the process stay root's, so
 *   neither a checkout nor a data dir in a folder closed to others (mode 700) is in the way; or
 * - where namespaces are not permitted (containers), or the files are another user's, as that user (`nobody` for
 *   root's files) with the one capability to pass closed folders.
 * A uid without a name (usual in some clusters) is given one by the namespace, too.
 * What works is found by trying. Throws `root_refused` when nothing does.
 */
export async function chooseLauncher(needs: LauncherNeeds): Promise<Launcher> {
  const isRoot = process.getuid?.() === 0;
  if (process.platform !== 'linux' && !isRoot) return { prefix: [], uid: undefined };
  const reasons: string[] = [];
  for (const launcher of isRoot ? candidatesOfRoot(needs.ownerUid) : candidatesOfUser()) {
    const reason = await probe(launcher, needs);
    if (reason === undefined) return launcher;
    reasons.push(`${launcher.prefix[0] ?? 'directly'}: ${reason}`);
  }
  const message = `no way to run PostgreSQL as uid ${process.getuid?.()} works here (${reasons.join('; ')})`;
  throw new EmbeddedPostgresError('root_refused', `${message}; run as an ordinary user`);
}

function candidatesOfUser(): Launcher[] {
  return [
    { prefix: [], uid: undefined },
    { prefix: inNamespace(nobodyUid()), uid: undefined },
  ];
}

function candidatesOfRoot(ownerUid: number): Launcher[] {
  const nobody = nobodyUid();
  const forRootsFiles = [{ prefix: inNamespace(nobody), uid: 0 }, asUser(nobody)];
  return ownerUid === 0 ? forRootsFiles : [asUser(ownerUid), ...forRootsFiles];
}

function inNamespace(uid: number): string[] {
  return ['unshare', '-U', `--map-user=${uid}`];
}

function asUser(uid: number): Launcher {
  const ids = ['--reuid', String(uid), '--regid', String(uid), '--clear-groups'];
  // PostgreSQL asks access(2) for its own binaries, which looks at capabilities only under this bit: without
  // it a checkout below a closed folder would be out of reach in spite of dac_override.
  const bits = ['--securebits=+no_setuid_fixup'];
  const capability = [...bits, '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return { prefix: ['setpriv', ...ids, ...capability], uid };
}

/** 65534 nearly everywhere, but not on older systems. */
function nobodyUid(): number {
  try {
    return Number(/^nobody:[^:]*:(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1] ?? 65534);
  } catch {
    return 65534;
  }
}

/** Why this launcher does not work here, or `undefined` when it does. */
async function probe(
  { prefix }: Launcher,
  { postgres, dataDir }: LauncherNeeds,
): Promise<string | undefined> {
  const script = 'id -un && test -w "$1" && exec "$0" --version';
  const [command = '', ...args] = [...prefix, '/bin/sh', '-c', script, postgres, dataDir];
  try {
    await run(command, args);
    return undefined;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return stderr?.trim() || message.split('\n')[0];
  }
}
