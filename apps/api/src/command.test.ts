import { randomUUID } from 'node:crypto';
import { idOfUuid, uuidOfId } from '@waybill/protocol';
import { findRun } from '@waybill/store';
import { expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';
import { sendCommand } from './command.ts';
import { claimKey } from './idempotency.ts';
import type { Services } from './services.ts';
import { Writes } from './writes.ts';

const api = useApi();

/** A run that looks as these say, one after the other, and a retry of it whose key was claimed before. */
async function repeatOfRetry(looks: readonly ((applied: () => Promise<void>) => Promise<string>)[]) {
  const { database, projectUuid } = api.now;
  const id = await api.now.start();
  const row = (await findRun(database, uuidOfId('run', id)!))!;
  const writes = new Writes(database);
  const idempotency = { projectUuid, key: id, request: '' };
  const { uuid: commandId } = await claimKey(writes, idempotency, randomUUID());
  const applied = () => api.now.record(id, [{ type: 'command.applied', at: 1, commandId }]);
  const left = [...looks];
  const get = async () => ({ state: { state: await left.shift()!(applied), phase: 'done' }, seq: 1 });
  const services = {
    ...{ deps: { database, outcomeWaitMs: 0 }, writes, views: { get } },
    feed: { watches: 0, watch: () => ({ close() {} }) },
  } as unknown as Services;
  const answer = sendCommand(services, row, { type: 'retry' }, idempotency);
  return { commandId: idOfUuid('cmd', commandId), answer };
}

const failed = async () => 'failed';
const running = async () => 'running';

test('a repeat that comes just as the first is applied has its outcome', async () => {
  // Looked for in vain, then applied: the run is no longer one that can be retried.
  const justNow = async (applied: () => Promise<void>) => {
    await applied();
    return 'running';
  };
  const { commandId, answer } = await repeatOfRetry([failed, justNow, running]);
  expect(await answer).toMatchObject({ commandId, outcome: { type: 'command.applied' } });
});

test('a repeat for which there is no outcome is refused as the run is by now', async () => {
  const { answer } = await repeatOfRetry([failed, running, running]);
  await expect(answer).rejects.toMatchObject({
    code: 'run_not_failed',
    message: 'the run is running: only a failed one can be retried',
  });
});
