import type { RunEvent } from '@waybill/engine';

/** What a journal row costs beside its result, in bytes; for batch limits only. */
const rowBytes = 200;

export function bytesOf(events: readonly RunEvent[]): number {
  let bytes = events.length * rowBytes;
  for (const event of events) if ('result' in event) bytes += event.result?.length ?? 0;
  return bytes;
}
