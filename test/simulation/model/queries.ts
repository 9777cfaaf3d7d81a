import {
  type ClaimedRun,
  type ClaimRoom,
  type DoneRun,
  decodeEvent,
  type InboxRow,
  type RunRow,
  type StoredEvent,
  suspectClaims,
} from '@waybill/store';
import { type ModelDatabase, uniqueViolation } from './database.ts';
import type { QueueRow } from './tables.ts';

/** What the store's queries do, one transaction each. */

type Candidate = { readonly runUuid: string; readonly bytes: number; readonly turn: number };

export function claimRuns(database: ModelDatabase, me: string, room: ClaimRoom): ClaimedRun[] {
  database.fence(me);
  const limit = Math.max(1, Math.floor(room.runs));
  const bytesMax = Math.max(1, Math.floor(room.bytes));
  const free = [...database.queue.entries()].filter(
    ([, row]) => row.owner === null && row.claims !== suspectClaims,
  );
  const woken = free.filter(([uuid]) => database.inbox.has(uuid)).slice(0, limit);
  const turns = new Map<string, Candidate>();
  for (const candidate of readyOf(database, free, { ...room, runs: limit }))
    turns.set(candidate.runUuid, candidate);
  for (const [runUuid, { bytes }] of woken) turns.set(runUuid, { runUuid, bytes, turn: 0 });
  const line = [...turns.values()].sort((a, b) => a.turn - b.turn || (a.runUuid < b.runUuid ? -1 : 1));
  const claimed: ClaimedRun[] = [];
  let bytesBefore = 0;
  for (const { runUuid, bytes, turn } of line.slice(0, limit)) {
    if (bytesBefore < bytesMax) claimed.push(take(database, me, runUuid, turn === 0));
    bytesBefore += bytes;
  }
  return room.suspect ? [...claimed, ...claimSuspect(database, me)] : claimed;
}

/** Round-robin over projects, the oldest of each first. */
function readyOf(
  database: ModelDatabase,
  free: readonly [string, QueueRow][],
  { runs: limit, share }: ClaimRoom,
): Candidate[] {
  const now = database.nowMs();
  const turns = new Map<string, number>();
  return free
    .filter(([, row]) => row.readyAtMs <= now)
    .sort(([, a], [, b]) => a.readyAtMs - b.readyAtMs)
    .map(([runUuid, { projectUuid, bytes }]) => {
      const turn = (turns.get(projectUuid) ?? 0) + 1;
      turns.set(projectUuid, turn);
      return { runUuid, bytes, turn };
    })
    .filter(({ runUuid, turn }) => {
      const { projectUuid } = database.queue.get(runUuid)!;
      return share === undefined || turn <= share.runsMax - (share.owned.get(projectUuid) ?? 0);
    })
    .sort((a, b) => a.turn - b.turn)
    .slice(0, limit);
}

function take(database: ModelDatabase, me: string, runUuid: string, isWoken: boolean): ClaimedRun {
  const row = database.queue.get(runUuid)!;
  database.queue.set(runUuid, { ...row, owner: me });
  return { runUuid, claims: row.claims, bytes: row.bytes, isWoken };
}

function claimSuspect(database: ModelDatabase, me: string): ClaimedRun[] {
  const suspects = [...database.queue.entries()].filter(
    ([, row]) => row.owner === null && row.claims === suspectClaims,
  );
  const [first] = suspects.sort(([, a], [, b]) => a.readyAtMs - b.readyAtMs);
  if (!first) return [];
  const dispatcher = database.dispatchers.get(me);
  if (dispatcher) database.dispatchers.set(me, { ...dispatcher, suspect: first[0] });
  const { isWoken: _, ...claimed } = take(database, me, first[0], false);
  return [claimed];
}

export function ownedRuns(database: ModelDatabase, me: string, among?: readonly string[]): ClaimedRun[] {
  return [...database.queue.entries()]
    .filter(([uuid, row]) => row.owner === me && (among?.includes(uuid) ?? true))
    .map(([runUuid, { claims, bytes }]) => ({ runUuid, claims, bytes }));
}

export function deleteDoneRuns(database: ModelDatabase, me: string, runs: readonly DoneRun[]): string[] {
  database.fence(me);
  const done = runs.filter(({ runUuid, seq }) => {
    const isMine = database.queue.get(runUuid)?.owner === me && !database.inbox.has(runUuid);
    return isMine && (database.eventsOf(runUuid).at(-1)?.seq ?? 0) <= seq;
  });
  for (const { runUuid } of done) database.queue.delete(runUuid);
  return done.map(({ runUuid }) => runUuid);
}

export function readInbox(database: ModelDatabase, me: string, limit: number): InboxRow[] {
  const rows = [...database.inbox.entries()].flatMap(([runUuid, commands]) =>
    database.queue.get(runUuid)?.owner === me
      ? [...commands].map(([id, { command, createdAtMs }]) => ({ runUuid, id, command, createdAtMs }))
      : [],
  );
  rows.sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  return rows.slice(0, limit).map(({ runUuid, id, command }) => ({ runUuid, id, command }));
}

export function postCommand(database: ModelDatabase, { runUuid, id, command }: InboxRow): boolean {
  if (!database.queue.has(runUuid)) return false;
  if (!database.insertCommand(runUuid, id, command)) throw uniqueViolation('inbox', id);
  return true;
}

export function reopenRun(
  database: ModelDatabase,
  row: InboxRow & { projectUuid: string; bytes: number },
): void {
  const { runUuid, projectUuid, bytes, id, command } = row;
  if (!database.queue.has(runUuid)) {
    database.queue.set(runUuid, { projectUuid, readyAtMs: database.nowMs(), owner: null, claims: 0, bytes });
  }
  database.insertCommand(runUuid, id, command, true);
}

export function rescueExpired(database: ModelDatabase): string[] {
  const now = database.nowMs();
  const expired = [...database.dispatchers.entries()].filter(([, row]) => row.expiresAtMs < now);
  for (const [uuid] of expired) {
    database.freeRuns(uuid, 1);
    database.dispatchers.delete(uuid);
  }
  return expired.map(([uuid]) => uuid);
}

export function freeOrphans(database: ModelDatabase, me: string): number {
  database.fence(me);
  const orphans = [...database.queue.entries()].filter(
    ([, row]) => row.owner !== null && !database.dispatchers.has(row.owner),
  );
  for (const [uuid, row] of orphans) {
    database.queue.set(uuid, { ...row, owner: null, readyAtMs: database.nowMs() });
  }
  return orphans.length;
}

export function release(database: ModelDatabase, me: string): void {
  database.fence(me);
  database.freeRuns(me, 0);
  database.dispatchers.delete(me);
}

export function findRuns(database: ModelDatabase, uuids: readonly string[]): RunRow[] {
  return uuids.flatMap((uuid) => database.runs.get(uuid) ?? []);
}

export function readJournals(database: ModelDatabase, uuids: readonly string[]): Map<string, StoredEvent[]> {
  const journals = new Map<string, StoredEvent[]>();
  for (const uuid of uuids) {
    const rows = database.eventsOf(uuid);
    if (rows.length > 0)
      journals.set(
        uuid,
        rows.map((row) => ({ seq: row.seq, event: decodeEvent(row) })),
      );
  }
  return journals;
}
