/**
 * What a process has seen, in the text format of Prometheus. Fed with durable facts; asks nobody and decides
 * nothing. It is on the path of every step: counting one costs less than 1 µs.
 */
export type { Gauges } from './gauges.ts';
export { type CommittedRun, createMetrics, type Metrics, type MetricsOptions } from './metrics.ts';
export type { SlowStep } from './step-durations.ts';
