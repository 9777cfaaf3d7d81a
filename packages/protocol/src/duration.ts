import { z } from '@hono/zod-openapi';

const secondsPerUnit = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 } as const;
const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Seconds of `"250ms" "30s" "5m" "24h" "7d"`, or null when the text is no duration. */
export function parseDuration(text: string): number | null {
  const match = pattern.exec(text);
  if (!match) return null;
  const unit = match[2] as keyof typeof secondsPerUnit;
  return Math.round(Number(match[1]) * secondsPerUnit[unit] * 1000) / 1000;
}

export interface DurationBounds {
  readonly min: number;
  readonly max: number;
}

/** A duration in seconds: a number (fractions allowed) or a string with a unit. Parsed to seconds. */
export function durationSchema({ min, max }: DurationBounds) {
  const bounds = `must be from ${min} to ${max} seconds`;
  const form = 'must be a number of seconds or a string such as "250ms", "30s", "5m", "24h", "7d"';
  return z.union([z.number(), z.string()], { error: form }).transform((value, context) => {
    const seconds = typeof value === 'number' ? value : parseDuration(value);
    if (seconds === null) context.addIssue(form);
    else if (!(seconds >= min && seconds <= max)) context.addIssue(bounds);
    return seconds ?? 0;
  });
}
