import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fuzzRequests } from '../test/fuzz-requests.ts';
import { useApi } from '../test/harness.ts';

// Nobody drives these runs: what becomes of commands is not waited for.
const api = useApi({}, { outcomeWaitMs: 20 });
const requestsMax = 2000;
/** Another seed is another run: FUZZ_SEED=… repeats one. */
const seed = Number(process.env.FUZZ_SEED ?? 20_261_121);

test(`${requestsMax} requests from the document: no 5xx, no answer outside its schema (seed ${seed})`, async () => {
  const ids = [await api.now.start(), await api.now.start({ id: 'b', tags: ['t'], metadata: { k: 'v' } })];
  await api.now.complete(ids[0]!);
  const schedule = { id: 'often', workflow: 'order', cron: '*/5 * * * *' };
  await api.now.call('POST /v1/schedules', { body: schedule });
  const known = {
    key: ['order', 'b'],
    id: [ids[0]!, 'order'],
    stepId: ['a'],
    version: ['1'],
    scheduleId: ['often'],
  };
  const statuses = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fuzzRequests(api.now.document, known), async ({ line, headers, body }) => {
      // A run that nobody owns would let a cancel wait for its 5 s: cancel what has ended.
      const aimed = line
        .replace(/\/v1\/runs\/[^/?]+\/cancel/, `/v1/runs/${ids[0]}/cancel`)
        .replace(/wait=[^&]*/, 'wait=0');
      const { status } = await api.now.call(aimed, { headers, body });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect(status).toBeLessThan(500);
      expect(status).not.toBe(401);
    }),
    { numRuns: requestsMax, seed },
  );
  // It reaches the handlers, not only the checks before them.
  for (const status of [200, 201, 404, 409, 422])
    expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0]);
  expect(api.now.logged).toEqual([]);
});
