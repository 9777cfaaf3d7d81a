/** Large runs, end to end, in a process whose memory is bounded. */
import { expect, test } from 'vitest';
import { startPlatform } from '../support/platform.ts';

const heapMb = 256;

/** A run that needs more memory than `heapMb` ends the process: then nothing here completes. */
async function inBoundedMemory(use: (platform: Awaited<ReturnType<typeof startPlatform>>) => Promise<void>) {
  const platform = await startPlatform({ env: { NODE_OPTIONS: `--max-old-space-size=${heapMb}` } });
  try {
    await use(platform);
  } finally {
    await platform.stop();
  }
}

test('a run with 10,000 steps', async () => {
  await inBoundedMemory(async ({ client, handlers }) => {
    const steps = Array.from({ length: 10_000 }, (_, index) => ({
      id: `s${index}`,
      url: '/s',
      // A hundred rows of a hundred: each step waits for the one above it.
      dependsOn: index < 100 ? [] : [`s${index - 100}`],
      input: 'dependencies',
    }));
    for (const step of steps) if (step.dependsOn.length === 0) step.input = 'none';
    const run = await client.runToEnd({ id: 'wide', defaults: { parallel: true }, steps });
    expect([run.state, run.completedSteps.length]).toEqual(['completed', 10_000]);
    expect(handlers.requests('/s')).toHaveLength(10_000);
  });
});

test('a 1,000-way forEach', async () => {
  await inBoundedMemory(async ({ client, handlers }) => {
    const context = { items: Array.from({ length: 1000 }, (_, n) => ({ n, text: 'x'.repeat(100) })) };
    const steps = [
      { id: 'each', url: '/each', forEach: 'context.items', maxConcurrency: 100 },
      { id: 'reduce', url: '/reduce', dependsOn: 'each' },
    ];
    const run = await client.runToEnd({ id: 'fan-out', context, steps });
    expect([run.state, (run.results.each as unknown[]).length]).toEqual(['completed', 1000]);
    expect(handlers.requests('/each')).toHaveLength(1000);
  });
});

test('a chain 200 deep, every step with all results before it', async () => {
  await inBoundedMemory(async ({ client, handlers }) => {
    const steps = Array.from({ length: 200 }, (_, index) => ({
      id: `s${index}`,
      url: '/s',
      dependsOn: index === 0 ? [] : [`s${index - 1}`],
    }));
    const run = await client.runToEnd({ id: 'deep', steps });
    expect([run.state, run.completedSteps.length]).toEqual(['completed', 200]);
    const sizes = handlers.requests('/s').map(({ body }) => Object.keys(body.previousSteps).length);
    expect(sizes).toEqual(Array.from({ length: 200 }, (_, index) => index));
  });
});
