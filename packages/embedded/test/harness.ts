import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { processIdentity } from '../src/process-identity.ts';
import { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from '../src/start.ts';

const packageDir = resolve(import.meta.dirname, '..');
const roots: string[] = [];
const holders: { holder: ChildProcess; held: Held }[] = [];
const running: EmbeddedPostgres[] = [];

/** What `test/hold-data-dir.mjs` prints. */
export interface Held {
  url: string;
  /** Absent, like the others, when it was refused (`code`). */
  pid: number;
  socketDir: string;
  code?: string;
}

export function temporaryRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'waybill-test-'));
  roots.push(root);
  return root;
}

export async function start(
  dataDir: string,
  options: Omit<EmbeddedPostgresOptions, 'dataDir'> = {},
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, ...options });
  running.push(server);
  return server;
}

/** For afterEach: ends every server and process started here and removes their folders. */
export async function cleanUp(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.stop('immediate')));
  await Promise.all(holders.splice(0).map(endHeld));
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
}

export async function query<Row extends object>(url: string, text: string, host?: string): Promise<Row[]> {
  const sql = postgres(url, { max: 1, ...(host === undefined ? {} : { host }) });
  try {
    return [...(await sql.unsafe<Row[]>(text))];
  } finally {
    await sql.end();
  }
}

/** Other processes run the built package. */
export function buildPackage(): void {
  const typescript = resolve(packageDir, '../../node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [typescript, '-b', packageDir]);
}

/** Another process that starts the server, as `waybill dev` does; without a data dir, a temporary one. */
export async function hold(dataDir?: string): Promise<{ holder: ChildProcess; held: Held }> {
  const args = [join(packageDir, 'test/hold-data-dir.mjs'), ...(dataDir === undefined ? [] : [dataDir])];
  const holder = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: holder.stdout! }), 'line')) as [string];
  const pair = { holder, held: JSON.parse(line) as Held };
  holders.push(pair);
  return pair;
}

/** The server outlives its holder's SIGKILL, and this process has no exit event of it to wait for. */
async function endHeld({ holder, held }: { holder: ChildProcess; held: Held }): Promise<void> {
  if (holder.exitCode === null && holder.signalCode === null) await end(holder, 'exit');
  if (held.pid === undefined) return;
  while (processIdentity(held.pid) !== undefined) await sleep(5);
}

export async function end(holder: ChildProcess, how: 'SIGKILL' | 'exit'): Promise<void> {
  const exited = once(holder, 'exit');
  if (how === 'exit') holder.stdin!.end();
  else holder.kill(how);
  await exited;
}
