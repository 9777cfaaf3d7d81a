import type { RunState } from '@waybill/engine';
import { isoTime, stepEndOf } from '@waybill/protocol';
import type { StoredEvent } from '@waybill/store';
import { eventText } from './event-view.ts';
import { sseText } from './sse.ts';

/** What every event of a stream says of its run. */
export interface RunNames {
  readonly runId: string;
  readonly workflowId: string;
  /** The project's name. */
  readonly namespace: string;
}

/**
 * Where a stream goes on. The row of a slow step makes two events, and a connection may break between them:
 * so they have ids of their own, `12` and `12.slow`.
 */
export interface StreamPosition {
  /** All events of the rows up to this one were sent. */
  readonly seq: number;
  /** Of this row, the event of the row itself was sent. */
  readonly halfSentSeq: number | null;
}

const seqMax = 2 ** 31 - 1;

/** The position behind the event with this id; null for what is no id of such a stream. */
export function positionAfter(lastEventId: string): StreamPosition | null {
  const [, digits, slow] = /^(\d{1,10})(\.slow)?$/.exec(lastEventId) ?? [];
  const seq = Number(digits);
  if (digits === undefined || seq > seqMax) return null;
  const isHalf = slow === undefined && seq > 0;
  return isHalf ? { seq: seq - 1, halfSentSeq: seq } : { seq, halfSentSeq: null };
}

/**
 * The row as events: itself, under one name for every way in which a step completes, fails or is skipped; and
 * `step.slow` when it ends a step that took too long.
 */
export function liveTexts({ seq, event }: StoredEvent, state: RunState, names: RunNames): string[] {
  const end = stepEndOf(state, event);
  const step = 'step' in event ? event.step : undefined;
  const type = end ? `step.${end.outcome}` : event.type;
  // Which of the ways it was.
  const cause = type === event.type ? undefined : event.type;
  const data = eventText({ seq, event }, { ...names, type, cause, step, durationMs: end?.durationMs });
  const row = sseText({ id: `${seq}`, event: type, data });
  if (!end || end.slowAfterMs === null) return [row];
  const { stepId, durationMs, slowAfterMs } = end;
  const slow = {
    seq,
    type: 'step.slow',
    at: isoTime(event.at),
    stepId,
    ...names,
    step,
    durationMs,
    slowAfterMs,
  };
  return [row, sseText({ id: `${seq}.slow`, event: 'step.slow', data: JSON.stringify(slow) })];
}
