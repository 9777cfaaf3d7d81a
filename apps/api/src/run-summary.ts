import { idOfUuid, isoTime } from '@waybill/protocol';
import type { RunRow } from '@waybill/store';

/** A run as lists show it. */
export function summaryOf(row: RunRow) {
  return {
    id: idOfUuid('run', row.uuid),
    workflowId: row.workflowKey,
    version: row.version,
    state: row.state,
    createdAt: isoTime(row.createdAtMs),
    startedAt: isoTime(row.startedAtMs),
    completedAt: isoTime(row.finishedAtMs),
    tags: row.tags,
    metadata: row.metadata === null ? {} : (JSON.parse(row.metadata) as unknown),
  };
}
