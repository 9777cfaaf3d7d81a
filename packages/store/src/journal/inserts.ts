import type { RunEvent } from '@waybill/engine';
import { encodeEvent } from '../event-codec.ts';
import { integer, text, textArray, uuid, valuesOf } from '../literals.ts';
import type { NewChild, NewRun } from './entry.ts';

/** A run to be written with its queue row. */
export interface RunToInsert {
  readonly uuid: string;
  readonly run: NewRun;
  /** Null: ready for whoever claims it. */
  readonly owner: string | null;
  readonly bytes: number;
}

export interface EventToInsert {
  readonly runUuid: string;
  readonly seq: number;
  readonly event: RunEvent;
}

/** What a run costs in the queue beside its context, in bytes. */
const childBytes = 500;

export function childRows(children: readonly NewChild[]): { runs: RunToInsert[]; events: EventToInsert[] } {
  return {
    runs: children.map(({ uuid: id, run }) => ({
      ...{ uuid: id, run, owner: null },
      bytes: run.stateBytes ?? run.context.length + childBytes,
    })),
    events: children.map(({ uuid: id, event }) => ({ runUuid: id, seq: 1, event })),
  };
}

/** Two statements: `runs`, and `run_queue`. */
export function insertRuns(rows: readonly RunToInsert[]): string[] {
  const runs = valuesOf(rows, ({ uuid: id, run }) => [
    uuid(id),
    uuid(run.projectUuid),
    text(run.workflowKey),
    integer(run.version),
    run.startedAtMs === null ? "'pending'" : "'running'",
    text(run.context),
    textArray(run.tags),
    text(run.metadata),
    integer(run.createdAtMs),
    integer(run.startedAtMs),
  ]);
  const queue = valuesOf(rows, ({ uuid: id, run, owner, bytes }) => [
    uuid(id),
    uuid(run.projectUuid),
    run.startAtMs === undefined ? 'now()' : `to_timestamp(${integer(run.startAtMs)} / 1000.0)`,
    owner === null ? 'null::uuid' : uuid(owner),
    integer(bytes),
  ]);
  return [
    `insert into runs (id, project_id, workflow_key, version, state, context, tags, metadata,
      created_at_ms, started_at_ms) ${runs}`,
    `insert into run_queue (run_id, project_id, ready_at, owner, bytes) ${queue}`,
  ];
}

export function insertEvents(rows: readonly EventToInsert[]): string {
  return `insert into run_events (run_id, seq, type, step, at_ms, data, result) ${eventValues(rows)}`;
}

export function eventValues(rows: readonly EventToInsert[]): string {
  return valuesOf(rows, ({ runUuid, seq, event }) => {
    const { type, step, atMs, data, result } = encodeEvent(event);
    return [uuid(runUuid), integer(seq), text(type), text(step), integer(atMs), text(data), text(result)];
  });
}
