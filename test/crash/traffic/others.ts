import { pause, within } from '../caller.ts';
import type { LoadHandlers } from './handlers.ts';
import type { Stage } from './stage.ts';

/** Far beyond anything that is bearable. */
const arrivalMsMax = 120_000;

/**
 * Runs of the workflow `other`, two steps whose handlers answer, one after the other: how long each took from its
 * start to the request of its last step, in ms. Those that were refused are left out.
 */
export async function othersFor(stage: Stage, handlers: LoadHandlers, seconds: number): Promise<number[]> {
  const took: number[] = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const one = await oneOther(stage, handlers);
    if (one !== null) took.push(one);
    await pause(20);
  }
  return took;
}

/** Null when its start was refused. */
export async function oneOther({ client }: Stage, handlers: LoadHandlers): Promise<number | null> {
  const seen = new Set<string>();
  let wanted: string | null = null;
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  handlers.onRequest = ({ runId, step, url }) => {
    if (!url.endsWith('/ok') || step !== 's2') return;
    seen.add(runId);
    if (runId === wanted) arrive();
  };
  const startedAt = performance.now();
  const { status, body } = await client.start('other');
  if (status !== 201) return null;
  wanted = body.id as string;
  if (!seen.has(wanted)) await within(arrived, arrivalMsMax, `the last step of ${wanted} was not sent`);
  handlers.onRequest = () => {};
  return performance.now() - startedAt;
}
