import type { Counter } from 'prom-client';

/**
 * The counter with these labels, shown as 0 before it counts. Bound once, so that no labels are put together
 * on the path of every event.
 */
export function bound<Label extends string>(
  counter: Counter<Label>,
  labels: Record<Label, string>,
): Counter.Internal {
  const child = counter.labels(labels);
  child.inc(0);
  return child;
}
