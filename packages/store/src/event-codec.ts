import type { RunEvent } from '@waybill/engine';

/** A journal row without its key. */
export interface EventColumns {
  readonly type: string;
  readonly step: string | null;
  readonly atMs: number;
  /** JSON of what has no column of its own; null when there is nothing. */
  readonly data: string | null;
  /** JSON text as the handler sent it. */
  readonly result: string | null;
}

export function encodeEvent(event: RunEvent): EventColumns {
  const { type, at, step, result, ...rest } = event as RunEvent & { step?: string; result?: string };
  const data = JSON.stringify(rest);
  return { type, step: step ?? null, atMs: at, data: data === '{}' ? null : data, result: result ?? null };
}

/** Rows come from our own journal: their shape is trusted, an unknown type is refused by `evolve`. */
export function decodeEvent(columns: EventColumns): RunEvent {
  const { type, step, atMs, data, result } = columns;
  const rest = data === null ? {} : (JSON.parse(data) as object);
  return {
    type,
    at: atMs,
    ...(step === null ? {} : { step }),
    ...(result === null ? {} : { result }),
    ...rest,
  } as RunEvent;
}
