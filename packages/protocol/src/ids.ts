import type { DeliveryKind } from '@waybill/engine';
import { TypeID, typeidUnboxed } from 'typeid-js';

/** Prefixes of public ids. The rest is a UUIDv7 in Crockford base 32. */
export type IdPrefix = 'run' | 'proj' | 'key' | 'evt' | 'cmd' | 'disp' | 'sec' | 'req';

/** A fresh id, e.g. `run_01h455vb4pex5vsknk084sn02q`. Its order follows the clock of this process. */
export function createId(prefix: IdPrefix): string {
  return typeidUnboxed(prefix);
}

/** The UUID inside an id, or null when the text is no id with this prefix. */
export function uuidOfId(prefix: IdPrefix, id: string): string | null {
  if (!id.startsWith(`${prefix}_`)) return null;
  try {
    return TypeID.fromString(id, prefix).toUUID();
  } catch {
    return null;
  }
}

export function idOfUuid(prefix: IdPrefix, uuid: string): string {
  return TypeID.fromUUID(prefix, uuid).toString();
}

const kindLetter = { step: 's', compensation: 'c', hook: 'h' } as const;

/** The same on every attempt of a delivery, and unique: run, kind, place of the step in the run, and round. */
export function webhookId(runId: string, kind: DeliveryKind, index: number, round = 0): string {
  const place = kind === 'hook' ? '' : index;
  return `msg_${runId.slice(4)}_${kindLetter[kind]}${place}${round > 0 ? `r${round}` : ''}`;
}
