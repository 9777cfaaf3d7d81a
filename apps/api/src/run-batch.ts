import { derivedUuid, freshStateBytes } from '@waybill/protocol';
import type { JournalEntry, NewChild, NewRun, RunRow } from '@waybill/store';
import type { ResolvedVersion } from './versions.ts';

/** One run of a batch. */
export interface BatchItem {
  /** JSON text. */
  readonly context: string;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Epoch ms; now when absent. */
  readonly startAtMs?: number | undefined;
}

export interface BatchOrigin {
  readonly projectUuid: string;
  readonly createdAtMs: number;
  readonly version: ResolvedVersion;
  /** Of the first run; the others follow from it, so that a repeat of the request means the same runs. */
  readonly firstUuid: string;
}

/** Bytes of a run's rows beside its context. */
const rowBytes = 1000;

/** All runs of a batch as one entry of the journal: they are all there, or none is. */
export function batchEntry(
  items: readonly BatchItem[],
  origin: BatchOrigin,
): { readonly entry: JournalEntry; readonly rows: readonly RunRow[] } {
  const runs = items.map((item, index) => ({
    uuid: uuidOf(origin.firstUuid, index),
    run: rowOf(item, origin),
  }));
  const [first, ...rest] = runs.map(({ uuid, run }): NewChild => {
    return { uuid, run, event: { type: 'run.created', at: run.createdAtMs, startAt: run.startAtMs } };
  });
  const entry: JournalEntry = {
    run: { uuid: first!.uuid, seq: 0, isDiscarded: false },
    events: [first!.event],
    create: first!.run,
    children: rest,
    bytes: runs.reduce((sum, { run }) => sum + run.context.length + rowBytes, 0),
  };
  return {
    entry,
    rows: runs.map(({ uuid, run }) => ({
      ...run,
      uuid,
      state: 'pending',
      tags: [...run.tags],
      finishedAtMs: null,
    })),
  };
}

function uuidOf(firstUuid: string, index: number): string {
  if (index === 0) return firstUuid;
  const timeMs = Number.parseInt(firstUuid.replaceAll('-', '').slice(0, 12), 16);
  return derivedUuid(timeMs, `${firstUuid}:${index}`);
}

function rowOf({ context, tags, metadata, startAtMs }: BatchItem, origin: BatchOrigin): NewRun {
  const { projectUuid, createdAtMs, version } = origin;
  return {
    projectUuid,
    workflowKey: version.plan.definition.id,
    version: version.version,
    context,
    tags,
    metadata: Object.keys(metadata).length > 0 ? JSON.stringify(metadata) : null,
    createdAtMs,
    stateBytes: freshStateBytes(version.plan, context),
    startedAtMs: null,
    startAtMs,
  };
}
