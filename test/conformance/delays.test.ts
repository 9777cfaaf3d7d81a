import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
/** The engine's clock is a reading of the database's, off by at most half a round trip. */
const clockSlackMs = 100;
const sentAt = (path: string) => platform.now.handlers.requests(path)[0]!.receivedEpochMs;

test('49 a delayed child starts neither before its time nor before its condition', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/slow', { delayMs: 700 });
  const run = await client.runToEnd({
    id: 'delayed-child',
    defaults: { parallel: true },
    steps: [
      { id: 'fast', url: '/fast' },
      { id: 'slow', url: '/slow' },
      { id: 'waits-for-time', url: '/time', dependsOn: ['fast'], delay: '2s' },
      { id: 'waits-for-parent', url: '/parent', dependsOn: ['slow'], delay: 0.2 },
    ],
  });
  expect(run.state).toBe('completed');
  const startedAt = Date.parse(run.startedAt!);
  expect(sentAt('/time') - startedAt).toBeGreaterThanOrEqual(2000 - clockSlackMs);
  const [parent] = handlers.requests('/parent');
  expect(parent!.receivedAt).toBeGreaterThanOrEqual(handlers.requests('/slow')[0]!.answeredAt!);
});

test.each([
  ['after its time', 500],
  ['before its time', 0],
])('49 a delayed child is never sent when its condition fails %s', async (_, delayMs) => {
  const { client, handlers } = platform.now;
  handlers.on('/parent', { status: 400, delayMs }).on('/beside', { delayMs: 700 });
  const run = await client.runToEnd({
    id: 'delayed-never',
    defaults: { parallel: true },
    steps: [
      { id: 'parent', url: '/parent' },
      // In flight until after the child's time: the run is not over before it.
      { id: 'beside', url: '/beside' },
      { id: 'child', url: '/child', dependsOn: ['parent'], delay: 0.3 },
    ],
  });
  expect([run.state, run.completedSteps, run.skippedSteps]).toEqual(['failed', ['beside'], ['child']]);
  expect(Date.parse(run.completedAt!) - Date.parse(run.startedAt!)).toBeGreaterThan(600);
  expect(handlers.requests('/child')).toHaveLength(0);
});

test('50 the chain of the seed: a root and two onSuccess children at +1 and +2, in order', async () => {
  const { client, handlers } = platform.now;
  const child = { dependsOn: ['validate'], runCondition: 'onSuccess' };
  const run = await client.runToEnd({
    id: 'seed-chain',
    steps: [
      { id: 'validate', url: '/Validate' },
      { id: 'payment', url: '/Payment', delay: 1, ...child },
      { id: 'confirmation', url: '/Confirmation', delay: 2, ...child },
    ],
  });
  expect(run.state).toBe('completed');
  expect(handlers.paths()).toEqual(['/Validate', '/Payment', '/Confirmation']);
  const startedAt = Date.parse(run.startedAt!);
  expect(sentAt('/Payment') - startedAt).toBeGreaterThanOrEqual(1000 - clockSlackMs);
  expect(sentAt('/Confirmation') - startedAt).toBeGreaterThanOrEqual(2000 - clockSlackMs);
});

test('49 runAt is a time; a delay beyond the timeout of the workflow is refused', async () => {
  const { client } = platform.now;
  const at = new Date(Date.now() + 800);
  const steps = (fields: object) => [{ id: 'timed', url: '/timed', ...fields }];
  await client.runToEnd({ id: 'run-at', steps: steps({ runAt: at.toISOString() }) });
  expect(sentAt('/timed')).toBeGreaterThanOrEqual(at.getTime() - clockSlackMs);
  const refused = await client.refused({ id: 'too-late', timeout: 60, steps: steps({ delay: '2m' }) });
  expect([refused.status, refused.body.errors?.[0]?.path]).toEqual([422, 'steps[0].delay']);
});
