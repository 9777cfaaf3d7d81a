import { linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EmbeddedPostgresError, systemCode } from './errors.ts';
import { isStillRunning, processIdentity, UNKNOWN_IDENTITY } from './process-identity.ts';

// One Waybill process owns a data dir. The owner is the file `owner.<n>` with the highest n, and n only grows:
// taking over from a dead owner n is creating n+1, which the file system lets exactly one process do. (Removing
// a dead owner's file and creating it anew would let a slow second process remove the new owner's file.)

/** Who owns a data dir. `{}` (a released record) means nobody. */
export interface OwnerRecord {
  pid?: number;
  identity?: string;
  /** To be removed by the next owner if this one crashed. */
  socketDir?: string;
}

export interface Claim {
  /** What the previous owner left behind, if it did not release. */
  previous: OwnerRecord;
  release(): void;
}

const attemptsMax = 20;

/** Makes this process the owner, or throws `data_dir_in_use` naming the live owner's pid. */
export function claimDataDir(dataDir: string, socketDir: string | undefined): Claim {
  const record: OwnerRecord = {
    pid: process.pid,
    identity: processIdentity(process.pid) ?? UNKNOWN_IDENTITY,
    ...(socketDir === undefined ? {} : { socketDir }),
  };
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const number = latestNumber(dataDir);
    const previous = number === 0 ? {} : readRecord(dataDir, number);
    if (previous === undefined) continue; // removed by a newer owner since we looked
    if (isOwnerAlive(previous)) throw inUse(dataDir, previous);
    if (!createRecord(dataDir, number + 1, record)) continue;
    if (latestNumber(dataDir) !== number + 1) {
      // Our view was so old that n+1 had come and gone: its successor is the owner.
      rmSync(recordPath(dataDir, number + 1), { force: true });
      continue;
    }
    removeOlder(dataDir, number + 1);
    return { previous, release: () => replaceRecord(dataDir, number + 1, {}) };
  }
  throw new EmbeddedPostgresError('data_dir_in_use', `${dataDir} is contended by several processes`);
}

/** The newest record of a data dir; `undefined` when it never had one. */
export function readOwner(dataDir: string): OwnerRecord | undefined {
  const number = latestNumber(dataDir);
  return number === 0 ? undefined : readRecord(dataDir, number);
}

export function isOwnerAlive({ pid, identity }: OwnerRecord): boolean {
  return pid !== undefined && identity !== undefined && isStillRunning(pid, identity);
}

function inUse(dataDir: string, { pid }: OwnerRecord): EmbeddedPostgresError {
  const who = pid === process.pid ? `this process (pid ${pid})` : `the running process ${pid}`;
  return new EmbeddedPostgresError('data_dir_in_use', `the data directory ${dataDir} is in use by ${who}`);
}

function recordPath(dataDir: string, number: number): string {
  return join(dataDir, `owner.${number}`);
}

function numberOf(name: string): number {
  return Number(/^owner\.(\d+)/.exec(name)?.[1] ?? 0);
}

function latestNumber(dataDir: string): number {
  const names = readdirSync(dataDir).filter((name) => /^owner\.\d+$/.test(name));
  return Math.max(0, ...names.map(numberOf));
}

function readRecord(dataDir: string, number: number): OwnerRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordPath(dataDir, number), 'utf8')) as OwnerRecord;
  } catch (error) {
    if (error instanceof SyntaxError) return {}; // cut short by a power loss, which its owner did not survive
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Appears whole or not at all; false when another process was first. */
function createRecord(dataDir: string, number: number, record: OwnerRecord): boolean {
  const draft = writeDraft(dataDir, number, record);
  try {
    linkSync(draft, recordPath(dataDir, number));
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOENT') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function replaceRecord(dataDir: string, number: number, record: OwnerRecord): void {
  try {
    renameSync(writeDraft(dataDir, number, record), recordPath(dataDir, number));
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error; // the data dir was removed: nothing is left to release
  }
}

function writeDraft(dataDir: string, number: number, record: OwnerRecord): string {
  const draft = `${recordPath(dataDir, number)}.${process.pid}.draft`;
  writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
  return draft;
}

/** Also takes the drafts that crashed processes left. */
function removeOlder(dataDir: string, number: number): void {
  for (const name of readdirSync(dataDir)) {
    const isOlder = numberOf(name) > 0 && numberOf(name) < number;
    if (isOlder) rmSync(join(dataDir, name), { force: true });
  }
}
