import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** Of the time, what the event loop may be at work before more work makes everything slower and nothing faster. */
const utilizationMax = 0.8;
const windowMs = 100;

/** Whether this process has hardly been idle lately. It may wait for a database that shares its cores. */
export function createBusyWatch(): () => boolean {
  let last: EventLoopUtilization = performance.eventLoopUtilization();
  let lookedAt = performance.now();
  let isBusy = false;
  return () => {
    const now = performance.now();
    if (now - lookedAt < windowMs) return isBusy;
    const current = performance.eventLoopUtilization();
    isBusy = performance.eventLoopUtilization(current, last).utilization > utilizationMax;
    [last, lookedAt] = [current, now];
    return isBusy;
  };
}
