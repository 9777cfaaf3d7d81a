import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { add, settings } from '../test/schedules.ts';
import type { Database } from './database.ts';
import { findIdempotencyKey } from './idempotency.ts';
import {
  addSchedule,
  deleteSchedule,
  findSchedule,
  listSchedules,
  pauseOrResume,
  replaceSchedule,
} from './schedules.ts';

let database: h.TestDatabase;
let sql: Database;
beforeAll(async () => {
  database = await h.startDatabase();
  sql = database.sql;
  await sql`insert into projects (id, name) values (${h.projectUuid}, 'test')`;
});
afterAll(() => database.stop());
beforeEach(() => sql`truncate schedules, idempotency_keys`);

const nowMs = 1_767_225_600_123;
const find = (key: string) => findSchedule(sql, h.projectUuid, key);

test('what is stored comes back as it was, to the millisecond', async () => {
  const uuid = h.newUuid();
  const fields = {
    ...{ version: 3, everyMs: null, cron: '0 3 * * *', timeZone: 'Europe/Berlin', tags: ['a,"b"', ''] },
    ...{ context: '{"n":12345678901234567890}', metadata: '{"k":"v"}' },
  };
  const schedule = { uuid, settings: settings('a', fields), nowMs, nextAtMs: nowMs + 1 };
  expect(await addSchedule(sql, schedule, 10)).toBe(true);
  expect(await find('a')).toEqual({
    ...schedule.settings,
    ...{ uuid, createdAtMs: nowMs, updatedAtMs: nowMs, createdAtMicros: nowMs * 1000, isPaused: false },
    ...{ revision: 1, nextAtMs: nowMs + 1, lastAtMs: null, lastRunUuid: null, lastError: null },
  });
});

test('a key is there once, and a project has no more schedules than it may', async () => {
  await add(sql, 'a');
  const another = (key: string) =>
    addSchedule(sql, { uuid: h.newUuid(), settings: settings(key), nowMs, nextAtMs: null }, 2);
  expect(await another('a')).toBe(false);
  expect(await another('b')).toBe(true);
  expect(await another('c')).toBe(false);
});

test('replaced it is still the same one, paused if it was; of another revision it is left alone', async () => {
  const uuid = await add(sql, 'a');
  await pauseOrResume(sql, { uuid, revision: 1, isPaused: true, nowMs, nextAtMs: null }, null);
  const settingsNow = settings('a', { everyMs: null, cron: '* * * * *', timeZone: 'UTC', tags: [] });
  const replacement = { uuid, settings: settingsNow, nowMs, nextAtMs: 7000 };
  expect(await replaceSchedule(sql, { ...replacement, revision: 1 })).toBe(false);
  expect(await replaceSchedule(sql, { ...replacement, revision: 2 })).toBe(true);
  expect(await find('a')).toMatchObject({
    ...settingsNow,
    uuid,
    isPaused: true,
    revision: 3,
    nextAtMs: 7000,
  });
});

test('a resume sets the next tick of one that is paused, and leaves it to one that is not', async () => {
  const uuid = await add(sql, 'a', { nextAtMs: 1000 });
  const change = (revision: number, isPaused: boolean) =>
    pauseOrResume(sql, { uuid, revision, isPaused, nowMs, nextAtMs: isPaused ? null : 9000 }, null);
  await change(1, false);
  expect(await find('a')).toMatchObject({ isPaused: false, nextAtMs: 1000, revision: 2 });
  await change(2, true);
  await change(3, false);
  expect(await find('a')).toMatchObject({ isPaused: false, nextAtMs: 9000, revision: 4 });
});

test('a pause under a key is made once, whatever came after it; nor is the key used up without it', async () => {
  const uuid = await add(sql, 'a');
  const claim = {
    projectUuid: h.projectUuid,
    key: "it's",
    bodyHash: createHash('sha256').digest(),
    runUuid: uuid,
  };
  const pause = (revision: number) =>
    pauseOrResume(sql, { uuid, revision, isPaused: true, nowMs, nextAtMs: null }, claim);
  expect(await pause(5)).toBe(false);
  expect(await findIdempotencyKey(sql, claim)).toBeNull();
  expect(await pause(1)).toBe(true);
  await pauseOrResume(sql, { uuid, revision: 2, isPaused: false, nowMs, nextAtMs: 1 }, null);
  expect(await pause(3)).toBe(false);
  expect(await find('a')).toMatchObject({ isPaused: false, revision: 3 });
  expect(await findIdempotencyKey(sql, claim)).toEqual({ kind: 'repeat', runUuid: uuid });
  const other = { ...claim, bodyHash: createHash('sha256').update('other').digest() };
  expect(await findIdempotencyKey(sql, other)).toEqual({ kind: 'other_body' });
});

test('lists go from the newest to the oldest, page by page', async () => {
  for (const [index, key] of ['a', 'b', 'c'].entries()) {
    const schedule = { uuid: h.newUuid(), settings: settings(key), nowMs: nowMs + index, nextAtMs: null };
    await addSchedule(sql, schedule, 10);
  }
  const first = await listSchedules(sql, h.projectUuid, { limit: 2 });
  expect(first.map(({ key }) => key)).toEqual(['c', 'b']);
  const after = { atMicros: first[1]!.createdAtMicros, name: 'b' };
  expect((await listSchedules(sql, h.projectUuid, { after, limit: 2 })).map(({ key }) => key)).toEqual(['a']);
});

test('what is deleted is gone, and deleted once', async () => {
  await add(sql, 'a');
  expect(await deleteSchedule(sql, h.newUuid(), 'a')).toBe(false);
  expect(await deleteSchedule(sql, h.projectUuid, 'a')).toBe(true);
  expect(await deleteSchedule(sql, h.projectUuid, 'a')).toBe(false);
  expect(await find('a')).toBeNull();
});
