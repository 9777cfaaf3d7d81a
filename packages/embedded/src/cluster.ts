import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { childEnvironment } from './environment.ts';
import { EmbeddedPostgresError } from './errors.ts';
import type { Launcher } from './launcher.ts';

/** Superuser and database of every cluster made here. */
export const USER = 'waybill';
export const DATABASE = 'waybill';

export interface ClusterPlace {
  dataDir: string;
  binaries: Binaries;
  launcher: Launcher;
  /** False only for throw-away clusters: initdb then does not wait for the disk. */
  isDurable: boolean;
}

export function clusterDir(dataDir: string): string {
  return join(dataDir, 'cluster');
}

/** Makes the cluster on first use and fits its owner to the launcher. Returns the superuser's password. */
export async function ensureCluster(place: ClusterPlace): Promise<string> {
  const cluster = clusterDir(place.dataDir);
  const { uid } = place.launcher;
  if (!fs.existsSync(cluster)) return await createCluster(place);
  if (uid !== undefined && fs.statSync(cluster).uid !== uid) giveTo(cluster, uid);
  return readPassword(place.dataDir);
}

/** Built under another name and renamed when whole, so a crash on the way leaves nothing that looks usable. */
async function createCluster(place: ClusterPlace): Promise<string> {
  const { dataDir, launcher } = place;
  const draft = join(dataDir, 'cluster.draft');
  fs.rmSync(draft, { recursive: true, force: true });
  fs.mkdirSync(draft, { mode: 0o700 });
  if (launcher.uid !== undefined) fs.chownSync(draft, launcher.uid, launcher.uid);
  const password = randomBytes(24).toString('base64url');
  fs.writeFileSync(passwordFile(dataDir), password, { mode: 0o600, flush: true });
  await initdb(place, draft);
  await createDatabase(place, draft);
  fs.renameSync(draft, clusterDir(dataDir));
  syncDirectory(dataDir);
  return password;
}

async function initdb(
  { binaries, launcher, dataDir, isDurable }: ClusterPlace,
  draft: string,
): Promise<void> {
  const identity = ['-U', USER, `--pwfile=${passwordFile(dataDir)}`, '--auth=scram-sha-256'];
  // The builtin provider sorts alike on every machine and is unaffected by upgrades of libc and ICU.
  const locale = ['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const args = ['-D', draft, ...identity, ...locale, ...(isDurable ? [] : ['--no-sync'])];
  await runToEnd(launcher, binaries.initdb, args, '');
}

/** In single-user mode, which needs neither a running server nor a client. */
async function createDatabase({ binaries, launcher }: ClusterPlace, draft: string): Promise<void> {
  const args = ['--single', '-D', draft, '-c', 'log_min_messages=error', 'postgres'];
  const output = await runToEnd(launcher, binaries.postgres, args, `CREATE DATABASE ${DATABASE}\n`);
  // Single-user mode ends with code 0 even when the statement failed.
  if (/\b(ERROR|FATAL|PANIC):/.test(output)) throw initdbFailed(output);
}

function runToEnd(
  { prefix }: Launcher,
  program: string,
  programArgs: string[],
  input: string,
): Promise<string> {
  const [command = program, ...args] = [...prefix, program, ...programArgs];
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: childEnvironment(), stdio: 'pipe' });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.stdin.on('error', () => {}); // EPIPE: the program ended first, and its code says why
    child.stdin.end(input);
    child.once('error', (cause) => reject(initdbFailed(cause.message)));
    child.once('close', (code) => (code === 0 ? resolve(output) : reject(initdbFailed(output))));
  });
}

function initdbFailed(output: string): EmbeddedPostgresError {
  const tail = output.trim().split('\n').slice(-10).join('\n');
  return new EmbeddedPostgresError('initdb_failed', `the database could not be initialised:\n${tail}`);
}

function passwordFile(dataDir: string): string {
  return join(dataDir, 'password');
}

function readPassword(dataDir: string): string {
  try {
    const password = fs.readFileSync(passwordFile(dataDir), 'utf8').trim();
    if (password !== '') return password;
  } catch (cause) {
    const message = `the password file of the database in ${dataDir} cannot be read`;
    throw new EmbeddedPostgresError('data_dir_damaged', message, { cause });
  }
  throw new EmbeddedPostgresError('data_dir_damaged', `the password file in ${dataDir} is empty`);
}

/** The top goes last: it is what tells the next start that the rest is done. */
function giveTo(dir: string, uid: number): void {
  for (const entry of fs.readdirSync(dir, { recursive: true }) as string[])
    fs.lchownSync(join(dir, entry), uid, uid);
  fs.chownSync(dir, uid, uid);
}

/** A rename is durable only once the folder is. Without this a power cut could take the whole database back. */
function syncDirectory(dir: string): void {
  if (process.platform === 'win32') return; // cannot open folders there
  const handle = fs.openSync(dir, 'r');
  fs.fsyncSync(handle);
  fs.closeSync(handle);
}
