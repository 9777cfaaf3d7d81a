import type { Plan } from '@waybill/engine';

/** Measured: a driver with its timers, and a step with its delivery. */
const runBytes = 2000;
const stepBytes = 500;

/** What a run's state takes in memory before it has results, in bytes, about. */
export function freshStateBytes(plan: Plan, context: string): number {
  return runBytes + plan.steps.length * stepBytes + context.length;
}
