import { Cron } from 'croner';

/** When a schedule ticks. Times are epoch ms. */
export type Timing =
  | { readonly cron: string; readonly timeZone: string }
  /** At `fromMs + n · everyMs`, from n = 1 on. */
  | { readonly everyMs: number; readonly fromMs: number };

/** Later years have more than four digits. */
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');

/** A schedule as it is stored: either `cron` and `timeZone`, or `everyMs`, counted from its creation. */
export interface Timed {
  readonly cron: string | null;
  readonly timeZone: string | null;
  readonly everyMs: number | null;
  readonly createdAtMs: number;
}

export function timingOf({ cron, timeZone, everyMs, createdAtMs }: Timed): Timing {
  return cron === null ? { everyMs: everyMs!, fromMs: createdAtMs } : { cron, timeZone: timeZone! };
}

/** The first tick after a time; null when there is none. @throws Error for a pattern that croner does not know. */
export function nextTick(timing: Timing, afterMs: number): number | null {
  if ('cron' in timing) {
    const next = clockOf(timing).nextRun(new Date(afterMs))?.getTime() ?? null;
    return next !== null && next > lastMs ? null : next;
  }
  const { everyMs, fromMs } = timing;
  return fromMs + Math.max(1, Math.floor((afterMs - fromMs) / everyMs) + 1) * everyMs;
}

/** The first so many ticks after a time. */
export function nextTicks(timing: Timing, afterMs: number, countMax: number): number[] {
  const ticks: number[] = [];
  for (let at = nextTick(timing, afterMs); at !== null && ticks.length < countMax; ) {
    ticks.push(at);
    at = nextTick(timing, at);
  }
  return ticks;
}

/**
 * The newest tick up to `untilMs`, `tickMs` being one that is not later. By halving: of a pattern of seconds that nobody
 * has looked at for a month it is found as fast as of any other.
 */
export function newestTick(timing: Timing, tickMs: number, untilMs: number): number {
  let newest = tickMs;
  // Behind this there is none.
  let last = untilMs;
  while (newest < last) {
    const middle = newest + Math.floor((last - newest) / 2);
    const next = nextTick(timing, middle);
    if (next !== null && next <= untilMs) newest = next;
    else last = middle;
  }
  return newest;
}

/** Never started: it is asked for times and nothing else. */
function clockOf({ cron, timeZone }: Extract<Timing, { cron: string }>): Cron {
  return new Cron(cron, { timezone: timeZone, paused: true });
}
