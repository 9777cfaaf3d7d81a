import { randomUUID } from 'node:crypto';
import { uuidOfId } from '@waybill/protocol';
import { findRun } from '@waybill/store';
import { expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';
import { sendCommand } from './command.ts';
import { claimKey } from './idempotency.ts';
import type { Services } from './services.ts';
import { Writes } from './writes.ts';

const api = useApi();

/** How the run of a command looks before it is applied, and after. */
const looks = {
  retry: [
    { state: 'failed', phase: 'done' },
    { state: 'running', phase: 'running' },
  ],
  cancel: [
    { state: 'running', phase: 'running' },
    { state: 'cancelled', phase: 'done' },
  ],
} as const;

/**
 * A request with a key that another has, too, which is applied by the owner of the run as the api looks at it for the
 * nth time, or as soon as the key is claimed.
 */
async function send(type: keyof typeof looks, appliedAt: number | 'claim', { isRepeat = true } = {}) {
  const { database, projectUuid } = api.now;
  const id = await api.now.start();
  const row = (await findRun(database, uuidOfId('run', id)!))!;
  const idempotency = { projectUuid, key: id, request: '' };
  const writes = new Writes(database);
  if (isRepeat) await claimKey(writes, idempotency, randomUUID());
  let isApplied = false;
  let count = 0;
  const apply = async () => {
    const { uuid: commandId } = await claimKey(writes, idempotency, randomUUID());
    await api.now.record(id, [{ type: 'command.applied', at: 1, commandId }]);
    isApplied = true;
  };
  const get = async () => {
    if (++count === appliedAt) await apply();
    const seq = isApplied ? 2 : 1;
    return { state: looks[type][isApplied ? 1 : 0], seq };
  };
  const run = async (write: Parameters<Writes['run']>[0]) => {
    const written = await writes.run(write);
    if (appliedAt === 'claim' && !isApplied) await apply();
    return written;
  };
  const services = {
    ...{ deps: { database, outcomeWaitMs: 0, hints: { notify() {} } }, views: { get }, writes: { run } },
    feed: { watches: 0, watch: () => ({ close() {} }) },
  } as unknown as Services;
  return sendCommand(services, row, { type }, idempotency);
}

const whenever = (['retry', 'cancel'] as const).flatMap((type) =>
  ([1, 2, 3, 'claim'] as const).map((appliedAt) => ({ type, appliedAt })),
);

test.each(whenever)('the outcome reaches a repeat, whenever it comes: %j', async ({ type, appliedAt }) => {
  expect(await send(type, appliedAt)).toMatchObject({ outcome: { type: 'command.applied' } });
});

test.each(['retry', 'cancel'] as const)('and the first, when a repeat of it was faster: %s', async (type) => {
  const sent = await send(type, 'claim', { isRepeat: false });
  expect(sent).toMatchObject({ outcome: { type: 'command.applied' } });
});

test('a retry of a run that has not failed is refused, and so is its repeat', async () => {
  const id = await api.now.start();
  const retry = () =>
    api.now.problem(`POST /v1/runs/${id}/retry`, { body: {}, headers: { 'idempotency-key': 'once' } });
  expect([await retry(), await retry()]).toEqual(Array(2).fill([409, 'run_not_failed']));
});
