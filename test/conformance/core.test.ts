/** Rows 1 to 9: order, data and concurrency of the seed's own workflows. */
import { describe, expect, test } from 'vitest';
import { gate, type SeenRequest } from '../support/handlers.ts';
import { chain, chainPaths, fanOut, graph } from '../support/seed-definitions.ts';
import { fanInRoute, mounted } from '../support/seed-fan-in.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

function overlap(a: SeenRequest, b: SeenRequest): boolean {
  return a.receivedAt < b.answeredAt! && b.receivedAt < a.answeredAt!;
}

const stepOf = (request: SeenRequest) => request.headers['waybill-step'];

describe('the chain', () => {
  test('1 the seed chain gets a run id, and one POST per URL, each after the previous answer', async () => {
    const { client, handlers } = platform.now;
    const run = await client.run(chain(handlers.url));
    expect(run.id).toMatch(/^run_/);
    expect((await client.done(run.id)).state).toBe('completed');
    expect(handlers.paths()).toEqual([...chainPaths, '/api/webhooks/workflow-complete']);
    const steps = handlers.requests().slice(0, chainPaths.length);
    for (const [index, request] of steps.entries()) {
      expect(request.method).toBe('POST');
      if (index > 0) expect(request.receivedAt).toBeGreaterThanOrEqual(steps[index - 1]!.answeredAt!);
    }
  });

  test("2 every request's context deep-equals the created one", async () => {
    const { client, handlers } = platform.now;
    const definition = chain(handlers.url);
    await client.done((await client.run(definition)).id);
    expect(handlers.requests()).toHaveLength(6);
    for (const request of handlers.requests()) expect(request.body.context).toEqual(definition.context);
  });

  test("3 a root step has previousSteps {}; step k has every ancestor's result", async () => {
    const { client, handlers } = platform.now;
    for (const [index, path] of chainPaths.entries()) handlers.on(path, { body: { place: index } });
    await client.done((await client.run(chain(handlers.url))).id);
    const ids = chain('').steps.map((step) => step.id);
    for (const [index, path] of chainPaths.entries()) {
      const { previousSteps } = handlers.requests(path)[0]!.body;
      expect(Object.keys(previousSteps).toSorted()).toEqual(ids.slice(0, index).toSorted());
      for (const [place, id] of ids.slice(0, index).entries()) {
        expect(previousSteps[id]).toMatchObject({
          state: 'completed',
          success: true,
          error: null,
          attempts: 1,
        });
        expect(previousSteps[id]?.result).toEqual({ success: true, place });
      }
    }
  });
});

describe('fan-out and fan-in', () => {
  test('4 three parallel 500 ms siblings overlap', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/api/jobs/process-item', { delayMs: 500 });
    expect((await client.runToEnd(fanOut(handlers.url))).state).toBe('completed');
    const [a, b, c] = handlers.requests('/api/jobs/process-item');
    expect([overlap(a!, b!), overlap(b!, c!), overlap(a!, c!)]).toEqual([true, true, true]);
  });

  test('5 the fan-in step is sent only after all three answered', async () => {
    const { client, handlers } = platform.now;
    const slow = gate();
    handlers.on('/api/jobs/process-item', async (request) => {
      if (stepOf(request) === 'process-item-2') await slow.opened;
      return {};
    });
    const { id } = await client.run(fanOut(handlers.url));
    await client.until(id, ({ completedSteps }) => completedSteps.length === 3);
    expect(handlers.requests('/api/jobs/finalize-batch')).toHaveLength(0);
    slow.open();
    expect((await client.ended(id)).state).toBe('completed');
    const [fanIn] = handlers.requests('/api/jobs/finalize-batch');
    const answers = handlers.requests('/api/jobs/process-item').map((request) => request.answeredAt!);
    expect(fanIn!.receivedAt).toBeGreaterThanOrEqual(Math.max(...answers));
  });

  test.each([
    ['envelope', (processedCount: number) => ({ success: true, result: { processedCount } })],
    [
      'envelope with inner success',
      (processedCount: number) => ({ success: true, result: { success: true, processedCount } }),
    ],
    ['flat', (processedCount: number) => ({ success: true, processedCount })],
  ])("6 the seed's fan-in reducer understands the answer shape: %s", async (_, answer) => {
    const { client, handlers } = platform.now;
    const { POST, rows } = fanInRoute(platform.sdk());
    handlers
      .on('/api/jobs/process-item', (request) => ({
        body: answer(10 ** Number(String(stepOf(request)).at(-1))),
      }))
      .on('/api/jobs/finalize-batch', mounted(POST));
    const run = await client.runToEnd(fanOut(handlers.url));
    const stats = { total: 3, successful: 3, failed: 0, totalProcessed: 1110 };
    expect(run.results.finalize).toEqual(stats);
    expect(rows.map(({ data }) => [data.batchId, data.stats])).toEqual([['batch_123', stats]]);
  });

  test('7 two ready steps without parallel never overlap and run in definition order', async () => {
    const { client, handlers } = platform.now;
    const ids = ['second', 'first', 'third'];
    for (const id of ids) handlers.on(`/${id}`, { delayMs: 40 });
    const steps = ids.map((id) => ({ id, url: `${handlers.url}/${id}` }));
    expect((await client.runToEnd({ id: 'lane', steps })).state).toBe('completed');
    expect(handlers.paths()).toEqual(['/second', '/first', '/third']);
    const [a, b, c] = handlers.requests();
    expect([overlap(a!, b!), overlap(b!, c!)]).toEqual([false, false]);
  });
});

describe('the graph', () => {
  test('8 validate is sent while slow process-a is open', async () => {
    const { client, handlers } = platform.now;
    const slow = gate();
    handlers.on('/api/jobs/process-a', async () => {
      await slow.opened;
      return {};
    });
    const { id } = await client.run(graph());
    await handlers.waitFor('/api/jobs/validate');
    expect(handlers.requests('/api/jobs/process-a')[0]?.answeredAt).toBeNull();
    slow.open();
    expect((await client.ended(id)).state).toBe('completed');
  });

  test.each(['aggregate', 'validate'])(
    '9 notify is sent only after aggregate and validate, %s last',
    async (last) => {
      const { client, handlers } = platform.now;
      const slow = gate();
      handlers.on(`/api/jobs/${last}`, async () => {
        await slow.opened;
        return {};
      });
      const { id } = await client.run(graph());
      // validate waits in the serial lane while aggregate holds it, and the other way round.
      await handlers.waitFor(`/api/jobs/${last}`);
      expect(handlers.requests('/api/jobs/notify')).toHaveLength(0);
      slow.open();
      expect((await client.ended(id)).state).toBe('completed');
      const [notify] = handlers.requests('/api/jobs/notify');
      for (const path of ['/api/jobs/aggregate', '/api/jobs/validate']) {
        expect(notify!.receivedAt).toBeGreaterThanOrEqual(handlers.requests(path)[0]!.answeredAt!);
      }
    },
  );
});
