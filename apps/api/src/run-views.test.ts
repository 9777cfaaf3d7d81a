import { uuidOfId } from '@waybill/protocol';
import { findRun, PlanCache } from '@waybill/store';
import { expect, test } from 'vitest';
import { useApi } from '../test/harness.ts';
import { RunViews } from './run-views.ts';

const api = useApi();

test('folds are kept as far as their bytes go, and what is not kept is folded again', async () => {
  const { database } = api.now;
  const views = new RunViews(database, new PlanCache(), 25_000);
  const rows = [];
  for (let n = 0; n < 10; n++) {
    const id = await api.now.start({ context: { n } });
    await api.now.complete(id, `"${'x'.repeat(5000)}"`);
    rows.push((await findRun(database, uuidOfId('run', id)!))!);
  }
  for (const row of [...rows, ...rows]) {
    const { state } = await views.get(row);
    expect([state.state, state.steps[0]!.result?.length]).toEqual(['completed', 5002]);
    expect(views.bytes).toBeLessThanOrEqual(25_000);
  }
  expect(views.bytes).toBeGreaterThan(10_000);
});
