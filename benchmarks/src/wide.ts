import type { Client } from './client.ts';

export async function putWide(client: Client, handlerUrl: string, steps: number): Promise<string> {
  const id = `wide-${steps}`;
  const parallel = Array.from({ length: steps }, (_, index) => ({
    id: `s${index}`,
    url: `${handlerUrl}/step`,
    parallel: true,
  }));
  await client.put({ id, steps: parallel } as { id: string });
  return id;
}

/** Wall time per step, in µs, of `runs` runs of a workflow with `steps` parallel steps, all at once. */
export async function wideCostUs(
  client: Client,
  workflow: string,
  steps: number,
  runs: number,
): Promise<number> {
  const from = performance.now();
  await Promise.all(
    Array.from({ length: runs }, async () => {
      const { id } = await client.start(workflow, {});
      const { state } = await client.wait(id);
      if (state !== 'completed') throw new Error(`run ${id} is ${state}`);
    }),
  );
  return ((performance.now() - from) * 1000) / (steps * runs);
}
