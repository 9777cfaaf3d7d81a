import { createHash } from 'node:crypto';
import { createId, uuidOfId } from '@waybill/protocol';
import { StoreError } from '@waybill/store';
import { expect, test } from 'vitest';
import { gate, type TestApi, useApi } from '../test/harness.ts';

const api = useApi();
const definition = { id: 'order', steps: [{ id: 'a', url: '/a' }], context: { n: 1 } };

const create = (key: string, body: object = definition) =>
  api.now.call('POST /v1/workflows', { body, headers: { 'idempotency-key': key } });
const start = (key: string, body: object = {}, workflow = 'order') =>
  api.now.call(`POST /v1/workflows/${workflow}/runs`, { body, headers: { 'idempotency-key': key } });

async function runsOf(test: TestApi, workflow: string): Promise<number> {
  const [row] = await test.database<{ count: number }[]>`
    select count(*) as count from runs where workflow_key = ${workflow}`;
  return row!.count;
}

test('a repeat is answered 201 with the same run, as it is by then', async () => {
  const first = await create('repeat');
  const second = await create('repeat');
  expect([second.status, second.text]).toEqual([201, first.text]);
  expect(second.headers.get('location')).toBe(`/v1/runs/${first.body.id}`);
  await api.now.complete(first.body.id as string);
  expect((await create('repeat')).body).toMatchObject({ id: first.body.id, state: 'completed' });
});

test('without a key two creates are two runs', async () => {
  expect(await api.now.start()).not.toBe(await api.now.start());
});

test('another body, workflow, or route with the same key is 409', async () => {
  await create('once');
  await api.now.start({ id: 'second' });
  for (const answer of [
    await create('once', { ...definition, context: { n: 2 } }),
    await start('once'),
    await start('once', {}, 'second'),
  ]) {
    expect([answer.status, answer.body.code]).toEqual([409, 'idempotency_key_reused']);
  }
});

test('twenty at once are one run', async () => {
  const body = { ...definition, id: 'concurrent' };
  const answers = await Promise.all(Array.from({ length: 20 }, () => create('at-once', body)));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(await runsOf(api.now, 'concurrent')).toBe(1);
});

/** Claims a key as a request does that dies before it has written its run. */
async function die(key: string, request: string): Promise<string> {
  const id = createId('run');
  const hash = createHash('sha256').update(request).digest();
  await api.now.database`
    insert into idempotency_keys (project_id, key, body_hash, run_id, expires_at)
    values (${api.now.projectUuid}, ${key}, ${hash}, ${uuidOfId('run', id)!}, now() + interval '1 hour')`;
  return id;
}

test('a request that died after claiming its key is carried out by the repeat, under the same id', async () => {
  const body = { ...definition, id: 'died' };
  const id = await die('died', `/v1/workflows\n${JSON.stringify(body)}`);
  const answers = await Promise.all([create('died', body), create('died', body), create('died', body)]);
  expect(answers.map(({ status, body: run }) => [status, run.id])).toEqual(Array(3).fill([201, id]));
  expect(await runsOf(api.now, 'died')).toBe(1);
});

test('a repeat does not hand the run to the dispatcher: the first may be doing so', async () => {
  const body = { ...definition, id: 'handed' };
  await die('handed', `/v1/workflows\n${JSON.stringify(body)}`);
  const handed: string[] = [];
  const startOwned = async ({ uuid }: { uuid: string }) => void handed.push(uuid);
  api.now.dispatcher = { mayOwn: () => true, poke: () => {}, startOwned };
  const repeat = await create('handed', body);
  const fresh = await create('fresh', body);
  api.now.dispatcher = null;
  expect([repeat.status, repeat.body.state]).toEqual([201, 'pending']);
  expect([fresh.status, fresh.body.state]).toEqual([201, 'running']);
  expect(handed).toEqual([uuidOfId('run', fresh.body.id as string)]);
});

test('a first request that is overtaken by its repeat is answered with the run of the repeat', async () => {
  const body = { ...definition, id: 'overtaken' };
  const [reached, released] = [gate(), gate()];
  const { database } = api.now;
  let isFirst = true;
  api.now.dispatcher = {
    mayOwn: () => isFirst,
    poke: () => {},
    // The owner writes the first request's run late, and finds the row of the repeat.
    startOwned: async () => {
      reached.open();
      await released.opened;
      throw new StoreError('stale_run', 'the journal holds newer rows of this run');
    },
  };
  const first = create('overtaken', body);
  await reached.opened;
  isFirst = false;
  const second = await create('overtaken', body);
  released.open();
  api.now.dispatcher = null;
  expect([(await first).status, (await first).text]).toEqual([201, second.text]);
  const rows = await database`select 1 from runs where workflow_key = 'overtaken'`;
  expect(rows).toHaveLength(1);
});

test('a key that has expired is new again', async () => {
  const first = await create('old');
  await api.now.database`update idempotency_keys set expires_at = now() - interval '1 s' where key = 'old'`;
  const second = await create('old', { ...definition, context: { n: 2 } });
  expect([second.status, second.body.id === first.body.id]).toEqual([201, false]);
});

test.each(['', 'x'.repeat(256)])('the key %.5j… is 422', async (key) => {
  const call = { body: definition, headers: { 'idempotency-key': key } };
  expect(await api.now.problem('POST /v1/workflows', call)).toEqual([422, 'invalid_request']);
});

test('a create that its key refuses stores no definition', async () => {
  await create('taken');
  const other = { ...definition, id: 'never-stored' };
  expect((await create('taken', other)).status).toBe(409);
  expect((await api.now.call('GET /v1/workflows/never-stored')).status).toBe(404);
});
