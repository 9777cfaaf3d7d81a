import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../support/client.ts';
import { type Ground, startGround } from '../support/ground.ts';
import { startServe, startWaybill } from '../support/serve.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await startGround();
});
afterAll(() => ground.stop());

test('killed between the commit of a start and its answer: the repeat with the same key is told of the same run', async () => {
  const victim = await startServe({ ...ground.env, WAYBILL_FAILPOINT: 'api.started' });
  const definition = { id: 'once', steps: [{ id: 'a', url: '/a' }] };
  const key = { 'idempotency-key': 'k' };
  const client = (url: string) => new ApiClient(() => url, ground.apiKey);
  await expect(client(victim.url).run(definition, key)).rejects.toThrow();
  expect(await victim.ended()).toBe('SIGKILL');
  expect(victim.log()).toContain('failpoint api.started');
  const heir = await startServe(ground.env);
  const { id } = await client(heir.url).run(definition, key);
  const { body } = await client(heir.url).api<{ data: { id: string }[] }>('GET', '/v1/runs');
  expect(body.data.map((run) => run.id)).toEqual([id]);
  await heir.stop();
});

test('killed right behind the commit of a 410: its endpoint is marked all the same', async () => {
  const victim = await startServe({ ...ground.env, WAYBILL_FAILPOINT: 'flush.after.step' });
  const client = (url: string) => new ApiClient(() => url, ground.apiKey);
  ground.handlers.on('/moved', { status: 410 });
  const { id } = await client(victim.url).run({ id: 'moved', steps: [{ id: 'a', url: '/moved' }] });
  expect(await victim.ended()).toBe('SIGKILL');
  const heir = await startServe(ground.env);
  const { body } = await client(heir.url).api('GET', '/v1/endpoints/gone');
  const url = `${ground.handlers.url}/moved`;
  expect(body).toMatchObject({ data: [{ url, runId: id, delivery: 'step', stepId: 'a' }] });
  await heir.stop();
});

test('a failpoint that there is not is refused with a sentence', async () => {
  const starting = startWaybill(['dispatch'], { ...ground.env, WAYBILL_FAILPOINT: 'api.nowhere' });
  await expect(starting).rejects.toThrow('WAYBILL_FAILPOINT: there is no point "api.nowhere"');
});
