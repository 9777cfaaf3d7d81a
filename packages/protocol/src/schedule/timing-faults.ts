import { z } from '@hono/zod-openapi';
import { type Limits, limitOf } from '../limits.ts';
import type { ProblemError } from '../problem.ts';
import { scheduleSchema } from './schema.ts';
import { nextTick } from './timing.ts';

export const defaultTimeZone = 'UTC';

/** What has no sense by itself is a fault of shape, named with the rest of the body: none of time. */
const sentTiming = z.object({
  cron: scheduleSchema.shape.cron.catch(undefined),
  timeZone: scheduleSchema.shape.timeZone.catch(undefined),
  every: scheduleSchema.shape.every.catch(undefined),
});

export interface TimingChecks {
  readonly nowMs: number;
  readonly limits: Pick<Limits, 'delaySecondsMax'>;
}

/** What is wrong with `cron`, `timeZone` and `every` of a schedule that was sent, beside their shape. */
export function findTimingFaults(sent: unknown, checks: TimingChecks): ProblemError[] {
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return [];
  const { cron, timeZone, every } = sentTiming.parse(sent);
  const has = (field: string) => (sent as Record<string, unknown>)[field] !== undefined;
  const faults: ProblemError[] = [];
  if (has('cron') === has('every')) {
    faults.push({ path: 'every', message: 'a schedule has either cron or every, not both and not neither' });
  }
  if (has('every') && has('timeZone')) {
    faults.push({ path: 'timeZone', message: 'is for cron alone' });
  }
  const isZone = timeZone === undefined || isTimeZone(timeZone);
  if (!isZone) faults.push({ path: 'timeZone', message: `"${timeZone}" is no IANA time zone` });
  const message = cron === undefined ? null : cronFault(cron, isZone ? timeZone : undefined, checks.nowMs);
  if (message !== null) faults.push({ path: 'cron', message });
  const limit = limitOf(checks.limits, 'delaySecondsMax');
  if (every !== undefined && every > limit.value) {
    faults.push({ path: 'every', message: `is ${every} s, above delaySecondsMax ${limit.value}`, limit });
  }
  return faults;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** Null: it is one, and fires. */
function cronFault(cron: string, timeZone = defaultTimeZone, nowMs: number): string | null {
  // The library would take it for a date, which fires once.
  if (cron.includes(':')) return 'must be a cron pattern, which has no ":"';
  try {
    return nextTick({ cron, timeZone }, nowMs) === null ? 'never fires' : null;
  } catch (error) {
    return (error as Error).message.replace(/^CronPattern: /, '');
  }
}
