import { type Registry, Summary } from 'prom-client';

export interface LastMinuteOptions {
  readonly name: string;
  readonly help: string;
  readonly percentiles: number[];
}

/** Of the last minute: what matters is how it is now, and how that compares with before. */
export function lastMinute(registry: Registry, options: LastMinuteOptions): Summary {
  return new Summary({ ...options, maxAgeSeconds: 60, ageBuckets: 6, registers: [registry] });
}
