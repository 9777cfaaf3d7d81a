import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

test('results above what a request may carry fail the step that would get them, and leave the hook its news', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/large', { body: { success: true, result: 'x'.repeat(1_000_000) } });
  const large = Array.from({ length: 6 }, (_, index) => `large-${index}`);
  const run = await client.runToEnd({
    id: 'large-results',
    steps: [
      ...large.map((id) => ({ id, url: '/large', parallel: true })),
      { id: 'fan-in', url: '/fan-in', dependsOn: large },
    ],
    onError: '/error',
  });
  expect([run.state, run.steps.at(-1)!.error]).toMatchObject(['failed', { code: 'input_too_large' }]);
  expect(handlers.requests('/fan-in')).toHaveLength(0);
  const [hook] = await handlers.waitFor('/error');
  expect(hook!.body).toMatchObject({ state: 'failed', results: {}, resultsOmitted: true });
  expect((await client.done(run.id)).hooks).toMatchObject([{ state: 'completed' }]);
});
