const minuteMs = 60_000;

let minute = Number.NaN;
let prefix = '';

/** ISO 8601 UTC of epoch ms. Times come in runs of the same minute, whose text is kept: it is on the hot path. */
export function isoTime(ms: number): string;
export function isoTime(ms: number | null): string | null;
export function isoTime(ms: number | null): string | null {
  if (ms === null) return null;
  const current = Math.floor(ms / minuteMs);
  if (current !== minute) {
    prefix = new Date(current * minuteMs).toISOString().slice(0, -'00.000Z'.length);
    minute = current;
  }
  const rest = Math.floor(ms - current * minuteMs);
  const seconds = Math.floor(rest / 1000);
  return `${prefix}${String(seconds).padStart(2, '0')}.${String(rest % 1000).padStart(3, '0')}Z`;
}
