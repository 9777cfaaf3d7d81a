import { startTemporaryPostgres } from '@waybill/embedded';
import { type Database, migrate, openDatabase } from '@waybill/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Random } from '../random.ts';
import { Operations } from './operations.ts';
import { ModelSubject, PostgresSubject } from './subjects.ts';

let server: Awaited<ReturnType<typeof startTemporaryPostgres>>;
let database: Database;
beforeAll(async () => {
  server = await startTemporaryPostgres();
  await migrate({ databaseUrl: server.url });
  database = await openDatabase(server.url, { name: 'differential', max: 1 });
});
afterAll(async () => {
  await database.end({ timeout: 1 });
  await server.stop();
});

const seeds = 8;
const operationsEach = 80;

test('the model answers as PostgreSQL does, and holds the same rows after every operation', async () => {
  const outcomes = new Map<string, number>();
  for (let seed = 1; seed <= seeds; seed++) {
    await database`truncate dispatchers, run_queue, runs, run_events, inbox, gone_endpoints`;
    const [real, model] = [new PostgresSubject(server.url, database), new ModelSubject()];
    const operations = new Operations(new Random(seed), Date.now());
    for (let count = 0; count < operationsEach; count++) {
      const operation = operations.next();
      const where = `seed ${seed}, operation ${count}: ${JSON.stringify(operation)}`;
      const answer = await real.perform(operation);
      expect(await model.perform(operation), where).toEqual(answer);
      expect(await model.snapshot(), where).toEqual(await real.snapshot());
      if (operation.kind === 'commit' && answer === null) operations.committed(operation.batch);
      const outcome = `${operation.kind} ${JSON.stringify((answer as { error?: string } | null)?.error ?? 'ok')}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    await real.close();
  }
  // It got to where it could have failed.
  const places = [
    'commit "ok"',
    'commit "22012"',
    'commit "23505"',
    'claim "ok"',
    'post "23505"',
    'deleteDone "ok"',
  ];
  expect([...outcomes.keys()]).toEqual(expect.arrayContaining(places));
});
