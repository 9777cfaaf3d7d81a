import { idOfUuid, uuidOfId } from '@waybill/protocol';
import { expect, onTestFinished, test, vi } from 'vitest';
import { useApi } from '../test/harness.ts';

const api = useApi();

interface Command {
  readonly id: string;
  readonly command: { readonly type: string };
}

/** Plays the run's owner: takes commands out of the inbox as soon as it is poked. */
function own(answer: (id: string, command: Command) => Promise<void>, id: string): Command[] {
  const seen: Command[] = [];
  const { database } = api.now;
  const take = async () => {
    const rows = await database<{ id: string; command: string }[]>`
      delete from inbox where run_id = ${uuidOfId('run', id)!} returning id, command`;
    for (const row of rows) {
      const command = { id: row.id, command: JSON.parse(row.command) as Command['command'] };
      seen.push(command);
      await answer(id, command);
    }
  };
  const poke = vi.fn(() => void take());
  api.now.dispatcher = { mayOwn: () => false, startOwned: () => Promise.reject(), poke };
  onTestFinished(() => {
    api.now.dispatcher = null;
  });
  return seen;
}

const apply = (id: string, { id: commandId }: Command) =>
  api.now.record(id, [
    { type: 'command.applied', at: 1, commandId },
    { type: 'run.cancelling', at: 1, compensate: true },
    { type: 'run.cancelled', at: 2 },
  ]);

const refuse = (id: string, { id: commandId }: Command) =>
  api.now.record(id, [{ type: 'command.refused', at: 1, commandId, code: 'run_ending', detail: 'too late' }]);

const cancel = (id: string, body: object = {}, key?: string) =>
  api.now.call(`POST /v1/runs/${id}/cancel`, { body, headers: key ? { 'idempotency-key': key } : {} });

test('200 with the status once the owner has applied it', async () => {
  const id = await api.now.start();
  const seen = own(apply, id);
  const { status, body } = await cancel(id, { compensate: false, reason: 'a\u0000"b"' });
  expect([status, body.state]).toEqual([200, 'cancelled']);
  expect(seen.map(({ command }) => command)).toEqual([
    { type: 'cancel', compensate: false, reason: 'a\u0000"b"' },
  ]);
});

test('409 with the code of the owner that refuses it', async () => {
  const id = await api.now.start();
  own(refuse, id);
  const { status, body } = await cancel(id);
  expect([status, body.code, body.detail]).toEqual([409, 'run_ending', 'too late']);
});

test('409 when the run has ended, also without a queue row', async () => {
  const id = await api.now.start();
  await api.now.complete(id);
  expect(await cancel(id)).toMatchObject({ status: 409, body: { code: 'run_ended' } });
  const done = await api.now.start();
  await api.now.database`delete from run_queue where run_id = ${uuidOfId('run', done)!}`;
  expect(await cancel(done)).toMatchObject({ status: 409, body: { code: 'run_ended' } });
});

test('202 with the id of the command while nobody owns the run, the same for a repeat', async () => {
  const id = await api.now.start();
  api.now.dispatcher = null;
  const answers = await Promise.all([cancel(id, {}, 'patient'), cancel(id, {}, 'patient')]);
  const rows = await api.now.database<{ id: string }[]>`
    select id from inbox where run_id = ${uuidOfId('run', id)!}`;
  expect(rows).toHaveLength(1);
  const commandId = idOfUuid('cmd', rows[0]!.id);
  expect(answers.map(({ status, body }) => [status, body])).toEqual(Array(2).fill([202, { commandId }]));
});

test('a repeat with the same Idempotency-Key is answered with the first outcome', async () => {
  const id = await api.now.start();
  const seen = own(apply, id);
  const first = await cancel(id, {}, 'once');
  const second = await cancel(id, {}, 'once');
  expect([first.status, second.status, second.body]).toEqual([200, 200, first.body]);
  expect(seen).toHaveLength(1);
  expect(await cancel(id)).toMatchObject({ status: 409, body: { code: 'run_ended' } });
  expect(await cancel(id, { reason: 'x' }, 'once')).toMatchObject({
    body: { code: 'idempotency_key_reused' },
  });
});

test('a refusal is repeated too', async () => {
  const id = await api.now.start();
  const seen = own(refuse, id);
  const answers = [await cancel(id, {}, 'refused'), await cancel(id, {}, 'refused')];
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual(Array(2).fill([409, 'run_ending']));
  expect(seen).toHaveLength(1);
});

test('one key cancels one run: of a workflow that has a newer one it is refused', async () => {
  const id = await api.now.start({ id: 'latest' });
  own(apply, id);
  expect((await cancel('latest', {}, 'which')).status).toBe(200);
  await api.now.start({ id: 'latest' });
  expect(await cancel('latest', {}, 'which')).toMatchObject({ body: { code: 'idempotency_key_reused' } });
});

test('unknown fields and wrong types are 422', async () => {
  const id = await api.now.start();
  for (const body of [{ force: true }, { compensate: 'no' }, { reason: 'x'.repeat(1001) }]) {
    expect((await cancel(id, body)).status).toBe(422);
  }
});
