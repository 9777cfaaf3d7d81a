import type { RunEvent } from '@waybill/engine';

/** What a journal row costs beside its payload, in bytes; for batch limits only. */
const rowBytes = 200;
/** A step with its delivery, in memory; measured. */
const stepBytes = 500;

export function bytesOf(events: readonly RunEvent[]): number {
  return events.length * rowBytes + payloadBytes(events);
}

/** What a run's state keeps of its events: payloads, and the steps that they add. */
export function bytesKept(events: readonly RunEvent[]): number {
  return payloadBytes(events) + stepBytes * stepsAdded(events);
}

function payloadBytes(events: readonly RunEvent[]): number {
  let bytes = 0;
  for (const event of events) {
    if ('result' in event) bytes += event.result?.length ?? 0;
    else if (event.type === 'steps.added') bytes += JSON.stringify(event.steps).length;
  }
  return bytes;
}

function stepsAdded(events: readonly RunEvent[]): number {
  let steps = 0;
  for (const event of events) {
    if (event.type === 'steps.added') steps += event.steps.length;
    // At most: a comma stands between two items, if not within one.
    else if (event.type === 'step.expanded') steps += itemsAtMost(event.result);
  }
  return steps;
}

function itemsAtMost(list: string): number {
  let commas = 0;
  for (let at = list.indexOf(','); at !== -1; at = list.indexOf(',', at + 1)) commas++;
  return Math.min(commas + 1, 10_000);
}
