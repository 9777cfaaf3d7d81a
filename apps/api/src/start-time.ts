import { z } from '@hono/zod-openapi';
import { type Limits, limitOf, type ProblemError, timeFields } from '@waybill/protocol';

export interface StartTime {
  /** Epoch ms; undefined for now. */
  readonly startAtMs: number | undefined;
  readonly faults: readonly ProblemError[];
}

export interface StartTimeOptions {
  readonly nowMs: number;
  readonly limits: Limits;
  /** Where it was sent. */
  readonly path: string;
}

/** What has no sense by itself is a fault of shape, named with the rest of the body: none of time. */
const sentTime = z.object({
  delay: timeFields.delay.catch(undefined),
  runAt: timeFields.runAt.catch(undefined),
});

/** When a start that was sent is to be, `path` being where: both fields at once, or too far away, are faults. */
export function startTimeOf(sent: unknown, { nowMs, limits, path }: StartTimeOptions): StartTime {
  const { delay, runAt } = sentTime.safeParse(sent).data ?? {};
  const faulty = (field: 'delay' | 'runAt', message: string, limit?: ProblemError['limit']): StartTime => ({
    startAtMs: undefined,
    faults: [{ path: path + field, message, ...(limit ? { limit } : {}) }],
  });
  if (delay !== undefined && runAt !== undefined) {
    return faulty('runAt', 'delay and runAt exclude each other: keep one');
  }
  const atMs = runAt === undefined ? nowMs + Math.round((delay ?? 0) * 1000) : Date.parse(runAt);
  const seconds = (atMs - nowMs) / 1000;
  if (seconds > limits.delaySecondsMax) {
    const limit = limitOf(limits, 'delaySecondsMax');
    const message = `is ${Math.ceil(seconds)} s from now, above delaySecondsMax ${limit.value}`;
    return faulty(runAt === undefined ? 'delay' : 'runAt', message, limit);
  }
  return { startAtMs: atMs > nowMs ? atMs : undefined, faults: [] };
}
