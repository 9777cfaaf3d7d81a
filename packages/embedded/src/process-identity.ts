import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { systemCode } from './errors.ts';

/** Says that a process runs but its start time cannot be read. */
export const UNKNOWN_IDENTITY = 'unknown';

/**
 * Names one life of a pid by its start time, because pids are reused.
 * `undefined`: no such process (a zombie counts as none); `unknown`: it runs, more cannot be said.
 */
export function processIdentity(pid: number): string | undefined {
  if (!exists(pid)) return undefined;
  if (process.platform === 'linux') return identityFromProc(pid);
  if (process.platform === 'win32') return UNKNOWN_IDENTITY;
  return identityFromPs(pid);
}

/** Whether the process that once had this pid and identity still runs. In doubt: yes. */
export function isStillRunning(pid: number, identity: string): boolean {
  const now = processIdentity(pid);
  if (now === undefined) return false;
  return now === identity || now === UNKNOWN_IDENTITY || identity === UNKNOWN_IDENTITY;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

function identityFromProc(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return exists(pid) ? UNKNOWN_IDENTITY : undefined; // it ended meanwhile, or /proc is mounted with hidepid
  }
  // proc(5): the program name (field 2) is in parentheses and may hold anything, so count from its end.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (state === 'Z' || state === 'X') return undefined;
  const startTicks = rest[18]; // field 22, in clock ticks since boot
  return `${bootId()}:${startTicks}`;
}

/** Ticks since boot repeat after a reboot; the boot id does not. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}

function identityFromPs(pid: number): string | undefined {
  try {
    const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }; // the text must not depend on the caller
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8', env });
    const [state, ...start] = line.trim().split(/\s+/);
    return state?.startsWith('Z') ? undefined : start.join(' ');
  } catch {
    return exists(pid) ? UNKNOWN_IDENTITY : undefined;
  }
}
