const minuteMs = 60_000;
const minutesMax = 100;

/** What texts begin with, by minute. */
const prefixes = new Map<number, string>();

/**
 * ISO 8601 UTC of epoch ms. Times come from a few minutes, those of now and of deadlines, whose text is kept: it is on
 * the hot path.
 */
export function isoTime(ms: number): string;
export function isoTime(ms: number | null): string | null;
export function isoTime(ms: number | null): string | null {
  if (ms === null) return null;
  const minute = Math.floor(ms / minuteMs);
  const rest = Math.floor(ms - minute * minuteMs);
  const seconds = Math.floor(rest / 1000);
  return `${prefixOf(minute)}${String(seconds).padStart(2, '0')}.${String(rest % 1000).padStart(3, '0')}Z`;
}

function prefixOf(minute: number): string {
  let prefix = prefixes.get(minute);
  if (prefix === undefined) {
    if (prefixes.size >= minutesMax) prefixes.clear();
    prefix = new Date(minute * minuteMs).toISOString().slice(0, -'00.000Z'.length);
    prefixes.set(minute, prefix);
  }
  return prefix;
}
