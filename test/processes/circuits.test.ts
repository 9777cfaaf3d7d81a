/** R13 in small: an endpoint that only fails is spared, and no run pays for it with its attempts. */
import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

test('attempts to an endpoint that only fails are held back until it answers; others are sent', async () => {
  const { client, handlers, log } = platform.now;
  let isWell = false;
  handlers.on('/ill', () => (isWell ? {} : { status: 503 }));
  const retries = { maxAttempts: 3, backoff: 'fixed', initialDelay: 0.05, jitter: false };
  const definition = { id: 'spared', steps: [{ id: 'a', url: '/ill', retries }] };
  const runs = await Promise.all(Array.from({ length: 40 }, () => client.run(definition)));
  const metric = async (name: string) => (await client.metrics()).get(name);
  await expect.poll(() => metric('waybill_circuits_open')).toBe(1);
  // Whoever has attempts left waits; at most those go on whose third attempt was on its way.
  const other = await client.runToEnd({ id: 'other', steps: [{ id: 'a', url: '/well', retries }] });
  expect(other.steps[0]).toMatchObject({ state: 'completed', attempts: 1 });
  await expect.poll(() => metric('waybill_attempts_held_back_total')).toBeGreaterThan(0);
  isWell = true;
  const ended = await Promise.all(runs.map(({ id }) => client.ended(id)));
  const completed = ended.filter(({ state }) => state === 'completed');
  expect(completed.length).toBeGreaterThan(0);
  expect(Math.max(...ended.map(({ steps }) => steps[0]!.attempts))).toBeLessThanOrEqual(3);
  for (const { state, steps } of ended) {
    if (state === 'failed') expect(steps[0]).toMatchObject({ attempts: 3, error: { code: 'http_503' } });
  }
  expect(await metric('waybill_circuits_open')).toBe(0);
  expect(log()).toContain('an endpoint only fails: attempts to it are held back');
  expect(log()).toContain('an endpoint answers again');
});
