import { newestTick, nextTick, type Timing } from './timing.ts';

/** What becomes of ticks that came while nobody scheduled. */
export type CatchUp = 'latest' | 'all' | 'none';

export interface DueTicks {
  /** Those that are to be started, oldest first; epoch ms. */
  readonly ticks: readonly number[];
  /** The first that is not among them, nor passed over; it may be due, too. Null: there are no more. */
  readonly nextAtMs: number | null;
}

export interface DueOptions {
  /** The first tick that nothing has been done about. */
  readonly tickMs: number;
  readonly nowMs: number;
  readonly catchUp: CatchUp;
  /** No more than this at once; at least 1. */
  readonly ticksMax: number;
}

/** With `none`, a tick that is later than this is passed over. */
const lateMsMax = 60_000;

/** Which ticks of a schedule are due, the first not being in the future. */
export function dueTicks(timing: Timing, { tickMs, nowMs, catchUp, ticksMax }: DueOptions): DueTicks {
  const ticks: number[] = [];
  let next = firstWanted(timing, { tickMs, nowMs, catchUp });
  while (next !== null && next <= nowMs && ticks.length < ticksMax) {
    ticks.push(next);
    next = nextTick(timing, next);
  }
  return { ticks, nextAtMs: next };
}

function firstWanted(
  timing: Timing,
  { tickMs, nowMs, catchUp }: Omit<DueOptions, 'ticksMax'>,
): number | null {
  if (catchUp === 'latest') return newestTick(timing, tickMs, nowMs);
  const isTooLate = catchUp === 'none' && nowMs - tickMs > lateMsMax;
  return isTooLate ? nextTick(timing, nowMs - lateMsMax - 1) : tickMs;
}
