import { expect, test } from 'vitest';
import * as h from '../../test/harness.ts';
import { processRuntime } from '../runtime.ts';
import { Journal } from './journal.ts';
import type { JournalLane } from './journal-lane.ts';
import { OutcomeUnknownError } from './lane.ts';

const refusal = (code: string, table_name = 'run_events') =>
  Object.assign(new Error(code), { name: 'PostgresError', code, table_name });
const noAnswer = () => new OutcomeUnknownError(new Error('cut'));

/** A journal whose one lane answers as told, and then well. */
function scripted(outcomes: readonly Error[], countPresent: JournalLane['countPresent']) {
  const left = [...outcomes];
  const lane: JournalLane = {
    async commit() {
      const error = left.shift();
      if (error) throw error;
    },
    countPresent,
    async close() {},
  };
  return new Journal({ openLane: () => lane, fence: null, laneCount: 1 });
}

const all: JournalLane['countPresent'] = async (batch) =>
  batch.reduce((sum, { entry }) => sum + entry.events.length, 0);

test('a commit whose answer was lost and that is found to be there ends being stuck', async () => {
  const journal = scripted([noAnswer(), refusal('23505')], all);
  await journal.append(h.entry(h.newRef()));
  expect(journal.stuckForMs()).toBe(0);
});

test('a refusal of the database after it was silent does as well', async () => {
  const journal = scripted([noAnswer(), refusal('22P05')], all);
  await expect(journal.append(h.entry(h.newRef()))).rejects.toMatchObject({ code: 'run_refused' });
  expect(journal.stuckForMs()).toBe(0);
});

test.each([
  ['42501', 'a right that was taken away'],
  ['42P01', 'a table that is not there'],
  ['42703', 'a column that is not there'],
  ['42P10', 'an index that is not there'],
])('%s, %s, is no fault of a run: its rows are sent again until the server is mended', async (code) => {
  const journal = scripted([refusal(code), refusal(code)], all);
  await journal.append(h.entry(h.newRef()));
  expect(journal.stuckForMs()).toBe(0);
});

test.each(['42601', '42804', '22P05'])('%s is one', async (code) => {
  const journal = scripted([refusal(code)], all);
  await expect(journal.append(h.entry(h.newRef()))).rejects.toMatchObject({ code: 'run_refused' });
});

test('while nobody answers it is stuck', async () => {
  let ask: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const journal = scripted([noAnswer(), refusal('23505')], () => {
    ask();
    return new Promise(() => {});
  });
  void journal.append(h.entry(h.newRef()));
  await asked;
  expect(journal.stuckForMs()).toBeGreaterThan(0);
});

test('a commit that hangs counts, once it has for longer than a second', async () => {
  let ms = 0;
  let answer: () => void = () => {};
  let isSent: () => void = () => {};
  const sent = new Promise<void>((resolve) => {
    isSent = resolve;
  });
  const lane: JournalLane = {
    commit: () => {
      isSent();
      return new Promise<void>((resolve) => {
        answer = resolve;
      });
    },
    countPresent: all,
    async close() {},
  };
  const runtime = { ...processRuntime, monotonic: () => ms };
  const journal = new Journal({ openLane: () => lane, fence: null, laneCount: 1, runtime });
  const append = journal.append(h.entry(h.newRef()));
  await sent;
  ms = 900;
  expect(journal.stuckForMs()).toBe(0);
  ms = 9000;
  expect(journal.stuckForMs()).toBe(9000);
  answer();
  await append;
  expect(journal.stuckForMs()).toBe(0);
});
