import { pause } from '../caller.ts';
import type { LoadHandlers } from './handlers.ts';
import type { Stage } from './stage.ts';

/**
 * Runs of the workflow `other`, two steps whose handlers answer, one after the other: how long each took from its
 * start to the request of its last step, in ms.
 */
export async function othersFor(
  { client }: Stage,
  handlers: LoadHandlers,
  seconds: number,
): Promise<number[]> {
  const took: number[] = [];
  const until = performance.now() + seconds * 1000;
  const arrived = new Map<string, () => void>();
  const early = new Set<string>();
  handlers.onRequest = ({ runId, step, url }) => {
    if (!url.endsWith('/ok') || step !== 's2') return;
    early.add(runId);
    arrived.get(runId)?.();
  };
  while (performance.now() < until) {
    const startedAt = performance.now();
    const id = (await client.start('other')).body.id as string;
    await new Promise<void>((resolve) => {
      if (early.has(id)) resolve();
      else arrived.set(id, resolve);
    });
    took.push(performance.now() - startedAt);
    await pause(20);
  }
  handlers.onRequest = () => {};
  return took;
}
