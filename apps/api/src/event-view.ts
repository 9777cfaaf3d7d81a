import type { RunEvent } from '@waybill/engine';
import { idOfUuid, isoTime, objectText } from '@waybill/protocol';
import type { StoredEvent } from '@waybill/store';

/** Every member that any event may have. */
type Members = { readonly [Event in RunEvent as keyof Event]?: Event[keyof Event] };

/** A journal row as JSON text, with these members too; a result is the text that the handler sent. */
export function eventText({ seq, event }: StoredEvent, more: Readonly<Record<string, unknown>> = {}): string {
  const { type, at, step, startedAt, retryAt, until, commandId, excerpt, result, started, ...rest } =
    event as Members & {
      at: number;
      step?: string;
      startedAt?: number;
      retryAt?: number;
      until?: number;
      commandId?: string;
      excerpt?: string;
      result?: string;
      started?: true;
    };
  const members: Record<string, unknown> = {
    seq,
    type,
    at: isoTime(at),
    stepId: step,
    ...rest,
    startedAt: startedAt === undefined ? undefined : isoTime(startedAt),
    retryAt: retryAt === undefined ? undefined : isoTime(retryAt),
    until: until === undefined ? undefined : isoTime(until),
    commandId: commandId === undefined ? undefined : idOfUuid('cmd', commandId),
    answer: excerpt,
    ...more,
  };
  const known = Object.entries(members).filter(([, value]) => value !== undefined);
  const texts = known.map(([key, value]) => [key, JSON.stringify(value)] as const);
  return objectText(result === undefined ? texts : [...texts, ['result', result]]);
}
