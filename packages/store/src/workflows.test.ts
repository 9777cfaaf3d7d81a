import { createHash } from 'node:crypto';
import { compilePlan, defaultRetryPolicy } from '@waybill/engine';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { claimIdempotencyKey, deleteExpiredIdempotencyKeys } from './idempotency.ts';
import { PlanCache } from './plans.ts';
import { upsertProject } from './projects.ts';
import { findVersion, listVersions, listWorkflows, type StoredVersion, storeVersion } from './workflows.ts';

const { projectUuid } = h;
let database: h.TestDatabase;
beforeAll(async () => {
  database = await h.startDatabase();
  await upsertProject(database.sql, { uuid: projectUuid, name: 'test', baseUrl: null });
});
afterAll(() => database.stop());

let keys = 0;
const newKey = () => `flow-${++keys}`;

function store(key: string, content: string, makeLatest = true): Promise<StoredVersion> {
  const definition = JSON.stringify({ id: key, content });
  return storeVersion(database.sql, { projectUuid, key, definition, makeLatest });
}

async function latestOf(key: string): Promise<number | undefined> {
  return (await findVersion(database.sql, projectUuid, key))?.version;
}

describe('versions', () => {
  test('identical content is stored once, also an older one; put moves latest there and back', async () => {
    const key = newKey();
    expect(await store(key, 'one')).toEqual({ version: 1, isNew: true });
    expect(await store(key, 'one')).toEqual({ version: 1, isNew: false });
    expect(await store(key, 'two')).toEqual({ version: 2, isNew: true });
    expect(await latestOf(key)).toBe(2);
    expect(await store(key, 'one')).toEqual({ version: 1, isNew: false });
    expect(await latestOf(key)).toBe(1);
    expect(await store(key, 'three')).toEqual({ version: 3, isNew: true });
    expect(await latestOf(key)).toBe(3);
  });

  test('create stores without moving latest, except that a first version is the latest', async () => {
    const key = newKey();
    await store(key, 'one', false);
    expect(await latestOf(key)).toBe(1);
    expect(await store(key, 'two', false)).toEqual({ version: 2, isNew: true });
    expect(await latestOf(key)).toBe(1);
    expect((await findVersion(database.sql, projectUuid, key, 2))?.definition).toContain('two');
    expect(await findVersion(database.sql, projectUuid, key, 3)).toBeNull();
  });

  test('the same content from many at once is one version', async () => {
    const key = newKey();
    const stored = await Promise.all(Array.from({ length: 12 }, () => store(key, 'same')));
    expect(new Set(stored.map(({ version }) => version)).size).toBe(1);
    expect(stored.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(await listVersions(database.sql, projectUuid, key, { limit: 10 })).toHaveLength(1);
  });

  test('different content from many at once: every version has its own number, without gaps', async () => {
    const key = newKey();
    const contents = Array.from({ length: 12 }, (_, index) => `content ${index}`);
    const stored = await Promise.all(contents.map((content) => store(key, content)));
    expect(stored.map(({ version }) => version).sort((a, b) => a - b)).toEqual(contents.map((_, n) => n + 1));
    for (const [index, { version }] of stored.entries()) {
      expect((await findVersion(database.sql, projectUuid, key, version))?.definition).toContain(
        contents[index],
      );
    }
  });

  test('lists come in pages', async () => {
    const key = `zz-${newKey()}`;
    for (const content of ['one', 'two', 'three']) await store(key, content);
    const page = await listVersions(database.sql, projectUuid, key, { limit: 2 });
    expect(page.map(({ version }) => version)).toEqual([3, 2]);
    const next = await listVersions(database.sql, projectUuid, key, { limit: 2, beforeVersion: 2 });
    expect(next.map(({ version }) => version)).toEqual([1]);
    const all = await listWorkflows(database.sql, projectUuid, { limit: 100 });
    const { createdAtMicros: atMicros, key: name } = all[1]!;
    const half = await listWorkflows(database.sql, projectUuid, { limit: 100, after: { atMicros, name } });
    expect(half.map((row) => row.key)).toEqual(all.slice(2).map((row) => row.key));
    expect(all[0]).toMatchObject({ key, latestVersion: 3, versions: 3 });
  });
});

test('a plan is compiled once; one that is not stored yet is looked for again', async () => {
  const key = newKey();
  const cache = new PlanCache();
  const get = () => cache.get(database.sql, projectUuid, key, 1);
  expect(await get()).toBeNull();
  const definition = JSON.stringify({ id: key, timeout: 1, steps: [], saga: false, failurePolicy: 'fail' });
  await storeVersion(database.sql, { projectUuid, key, definition, makeLatest: true });
  const plan = await get();
  expect(plan?.definition.id).toBe(key);
  expect(await get()).toBe(plan);
});

test('plans are kept as far as their bytes go, those used longest ago forgotten first', async () => {
  const step = { url: 'http://h/', dependsOn: [], parallel: true, timeout: 1, retries: defaultRetryPolicy };
  const plan = (id: string, steps: number) =>
    compilePlan({
      ...{ id, timeout: 1, saga: false, failurePolicy: 'fail' },
      steps: Array.from({ length: steps }, (_, n) => ({ id: `${n}`, ...step })),
    });
  const cache = new PlanCache(1_000_000);
  const isKept = async (id: string) => (await cache.get(database.sql, projectUuid, id, 1)) !== null;
  for (let n = 0; n < 100; n++) cache.put(projectUuid, plan(`small-${n}`, 1), 1, 100);
  expect([await isKept('small-0'), await isKept('small-99')]).toEqual([true, true]);
  cache.put(projectUuid, plan('large', 600), 1, 60_000);
  expect(cache.bytes).toBeLessThanOrEqual(1_000_000);
  expect([await isKept('small-1'), await isKept('small-0'), await isKept('large')]).toEqual([
    false,
    true,
    true,
  ]);
  cache.put(projectUuid, plan('too-large', 1000), 1, 100_000);
  expect([await isKept('too-large'), await isKept('large')]).toEqual([false, true]);
});

describe('an Idempotency-Key', () => {
  const claim = (key: string, body = 'body', runUuid = h.newUuid()) =>
    claimIdempotencyKey(database.sql, {
      ...{ projectUuid, key, runUuid },
      bodyHash: createHash('sha256').update(body).digest(),
    });

  test('gives the first run to every repeat, and refuses another body', async () => {
    const runUuid = h.newUuid();
    expect(await claim('a', 'body', runUuid)).toEqual({ kind: 'first', runUuid });
    expect(await claim('a')).toEqual({ kind: 'repeat', runUuid });
    expect(await claim('a', 'other')).toEqual({ kind: 'other_body' });
    const elsewhere = {
      projectUuid: h.newUuid(),
      key: 'a',
      bodyHash: Buffer.alloc(32),
      runUuid: h.newUuid(),
    };
    expect(await claimIdempotencyKey(database.sql, elsewhere)).toMatchObject({ kind: 'first' });
  });

  test('is first for one of many at once', async () => {
    const results = await Promise.all(Array.from({ length: 12 }, () => claim('b')));
    const first = results.filter(({ kind }) => kind === 'first');
    expect(first).toHaveLength(1);
    const runs = new Set(results.map((result) => 'runUuid' in result && result.runUuid));
    expect(runs.size).toBe(1);
  });

  test('is new again when it has expired, swept or not', async () => {
    await claim('c');
    await claim('d');
    await database.sql`update idempotency_keys set expires_at = now() - interval '1 s' where key in ('c', 'd')`;
    expect(await claim('c', 'other')).toMatchObject({ kind: 'first' });
    await deleteExpiredIdempotencyKeys(database.sql);
    expect(await database.sql`select key from idempotency_keys where key in ('c', 'd')`).toEqual([
      { key: 'c' },
    ]);
    expect(await claim('d', 'other')).toMatchObject({ kind: 'first' });
  });
});
