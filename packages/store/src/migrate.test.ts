import { startTemporaryPostgres } from '@waybill/embedded';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { startProxy } from '../test/proxy.ts';
import { connect, type Sql } from './connect.ts';
import { openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { migrations } from './migrations/index.ts';
import { ensurePartitions, partitionWidthDays } from './partitions.ts';

let server: Awaited<ReturnType<typeof startTemporaryPostgres>>;
let databaseUrl: string;
let sql: Sql;
let count = 0;
beforeAll(async () => {
  server = await startTemporaryPostgres();
});
afterAll(() => server.stop());
/** Each test has a database of its own. */
beforeEach(async () => {
  const admin = connect(server.url, { name: 'test', max: 1 });
  await admin.unsafe(`create database test_${++count}`);
  await admin.end();
  const url = new URL(server.url);
  url.pathname = `/test_${count}`;
  databaseUrl = url.href;
  sql = connect(databaseUrl, { name: 'test', max: 1 });
  return () => sql.end();
});

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

async function partitions(table: string): Promise<Range[]> {
  const rows = await sql<{ bound: string }[]>`
    select pg_get_expr(c.relpartbound, c.oid) as bound from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = ${table}::text::regclass`;
  const ms = (id: string) => Number.parseInt(id.replace('-', '').slice(0, 12), 16);
  const ranges = rows.map(({ bound }) => {
    const [from, to] = bound.match(/[0-9a-f]{8}-[0-9a-f-]{27}/g)!;
    return { fromMs: ms(from!), toMs: ms(to!) };
  });
  return ranges.sort((a, b) => a.fromMs - b.fromMs);
}

function isContiguous(ranges: readonly Range[]): boolean {
  return ranges.every((range, index) => index === 0 || range.fromMs === ranges[index - 1]!.toMs);
}

const days = (count: number) => count * 86_400_000;

test('a second time changes nothing', async () => {
  await migrate({ databaseUrl });
  const before = [await sql`select * from schema_migrations`, await partitions('runs')];
  await migrate({ databaseUrl });
  expect([await sql`select * from schema_migrations`, await partitions('runs')]).toEqual(before);
});

test('one whose connection falls silent gives up', async () => {
  const isAt = async () =>
    (
      await sql`select from pg_stat_activity where application_name = 'waybill migrate'
       and query like '%pg_try_advisory_xact_lock%'`
    ).count;
  await migrate({ databaseUrl });
  // Its backend may outlive it for a moment, and would be taken for the next one.
  await expect.poll(isAt).toBe(0);
  const proxy = await startProxy(databaseUrl);
  // Another migrator, for as long as this one has to be at it.
  const other = await h.holdTransaction(databaseUrl, 'select pg_advisory_xact_lock(48000001)');
  const migrating = migrate({ databaseUrl: proxy.url, silenceMsMax: 1000 });
  await expect.poll(isAt).toBe(1);
  proxy.goSilent();
  await expect(migrating).rejects.toThrow('no answer from the database for 1000 ms');
  await other.release();
  await proxy.close();
});

test('several at once: one after the other', async () => {
  await Promise.all([1, 2, 3].map(() => migrate({ databaseUrl })));
  expect(await sql`select version from schema_migrations`).toHaveLength(migrations.length);
  expect(isContiguous(await partitions('run_events'))).toBe(true);
});

test('one that has to wait too long says so, and goes on once it need not', async () => {
  await migrate({ databaseUrl });
  await sql`select pg_advisory_lock(48000001)`;
  await expect(migrate({ databaseUrl, waitMs: 1 })).rejects.toMatchObject({ code: 'schema_locked' });
  await sql`select pg_advisory_unlock(48000001)`;
  await migrate({ databaseUrl, waitMs: 1 });
});

test('a newer schema is refused, by migrate and by opening', async () => {
  await migrate({ databaseUrl });
  await sql`insert into schema_migrations (version, name) values (99, 'future')`;
  await expect(migrate({ databaseUrl })).rejects.toMatchObject({ code: 'schema_newer' });
  await expect(openDatabase(databaseUrl, { name: 'test' })).rejects.toMatchObject({ code: 'schema_newer' });
});

test('partitions reach from a day ago to two weeks ahead, and take the ids of that time', async () => {
  await migrate({ databaseUrl });
  for (const table of ['runs', 'run_events']) {
    const ranges = await partitions(table);
    expect(isContiguous(ranges)).toBe(true);
    expect(ranges[0]!.fromMs).toBeLessThanOrEqual(Date.now() - days(1));
    expect(ranges.at(-1)!.toMs).toBeGreaterThanOrEqual(Date.now() + days(14));
  }
  const journal = h.unfencedJournal(databaseUrl);
  const ids = [-1, 0, 13].map((day) => h.newUuid(day));
  await Promise.all(ids.map((id) => journal.append(h.creation(h.newRef(id)))));
  await journal.close();
  const found = await sql<{ id: string }[]>`select id from runs order by id`;
  expect(found.map((row) => row.id)).toEqual(ids);
});

test('a change of width goes on where the newest partition ends', async () => {
  await migrate({ databaseUrl });
  const dropped = (await partitions('runs')).slice(-6);
  for (const { fromMs } of dropped) {
    const day = new Date(fromMs).toISOString().slice(0, 10).replaceAll('-', '');
    await sql.unsafe(`drop table runs_${day}; drop table run_events_${day}`);
  }
  await ensurePartitions(sql, 365);
  const width = days(partitionWidthDays(365));
  const ranges = await partitions('runs');
  expect(await partitions('run_events')).toEqual(ranges);
  expect(isContiguous(ranges)).toBe(true);
  const added = ranges.filter(({ fromMs }) => fromMs >= dropped[0]!.fromMs);
  expect(added[0]!.fromMs).toBe(dropped[0]!.fromMs);
  expect(added.map(({ fromMs, toMs }) => toMs - fromMs)).toEqual(added.map(() => width));
  expect(width).toBeGreaterThan(days(1));
  expect(ranges.at(-1)!.toMs).toBeGreaterThanOrEqual(Date.now() + days(14));
});

test.each([1, 7, 30, 90, 365, 3650])('retention of %d days needs at most 60 partitions', (retentionDays) => {
  const width = partitionWidthDays(retentionDays);
  expect(Math.ceil((retentionDays + 14) / width) + 3).toBeLessThanOrEqual(60);
});

test('it may stop at an earlier version, and go on from there with what lives in it', async () => {
  await migrate({ databaseUrl, upTo: 1 });
  expect(await sql`select version from schema_migrations`).toEqual([{ version: 1 }]);
  const run = h.newUuid();
  await sql`insert into run_queue (run_id, project_id, ready_at, bytes) values (${run}, ${run}, now(), 1)`;
  await Promise.all([migrate({ databaseUrl }), migrate({ databaseUrl })]);
  expect(await sql`select version from schema_migrations`).toHaveLength(migrations.length);
  expect(await sql`select run_id from run_queue`).toEqual([{ run_id: run }]);
});
