import type { WaybillNode } from './node.ts';

/** Resolves when the process was asked to end and has stopped in order. A second signal ends it at once. */
export async function runUntilSignal(node: Pick<WaybillNode, 'stop'>): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
  await node.stop();
}
