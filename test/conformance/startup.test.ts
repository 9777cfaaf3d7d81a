/** Rows 19 and 24: what depends on how the server was started, and on its death. */
import { expect, test } from 'vitest';
import { gate } from '../support/handlers.ts';
import { startPlatform } from '../support/platform.ts';

const steps = [
  { id: 'a', url: '/jobs/a' },
  { id: 'b', url: '/jobs/b', dependsOn: ['a'] },
];

test('19 a relative URL goes to base URL + path', async () => {
  const platform = await startPlatform();
  try {
    const { client, handlers } = platform;
    const run = await client.runToEnd({ id: 'relative', steps });
    expect(run.state).toBe('completed');
    expect(handlers.paths()).toEqual(['/jobs/a', '/jobs/b']);
    const stored = await client.api('GET', '/v1/workflows/relative');
    expect(stored.body).toMatchObject({ definition: { steps: [{ url: `${handlers.url}/jobs/a` }, {}] } });
  } finally {
    await platform.stop();
  }
});

test('19 without a base URL a relative URL is refused', async () => {
  const platform = await startPlatform({ env: { WAYBILL_BASE_URL: '' } });
  try {
    const { status, body } = await platform.client.refused({ id: 'relative', steps });
    expect(status).toBe(422);
    expect(body.errors?.map(({ path }) => path)).toEqual(['steps[0].url', 'steps[1].url']);
  } finally {
    await platform.stop();
  }
});

test('24 dispatcher killed mid-step: the step is sent again with the same webhook-id, and the run completes', async () => {
  const platform = await startPlatform();
  const held = gate();
  try {
    const { client, handlers } = platform;
    handlers.on('/jobs/a', async () => {
      await held.opened; // the first request hangs until its sender is dead
      return {};
    });
    const { id } = await client.run({ id: 'survivor', steps });
    await handlers.waitFor('/jobs/a');
    await platform.kill();
    await platform.restart();
    held.open();
    expect(await client.ended(id)).toMatchObject({ state: 'completed', completedSteps: ['a', 'b'] });
    const sent = handlers.requests('/jobs/a');
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(new Set(sent.map((request) => request.headers['webhook-id'])).size).toBe(1);
    expect(handlers.requests('/jobs/b')).toHaveLength(1);
  } finally {
    held.open();
    await platform.stop();
  }
});
