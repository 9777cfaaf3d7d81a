import { evolve, type RunEvent } from '@waybill/engine';
import { expect, test } from 'vitest';
import * as h from '../test/harness.ts';
import { GoneEndpoints, goneOf } from './gone-endpoints.ts';

const log = { info() {}, warn() {}, error() {} };
const a = 'https://handlers.test/a';

/** A store in memory that can be out of reach. */
function fakeStore() {
  const marks = new Set<string>();
  const store = {
    marks,
    isAway: false,
    async mark({ url }: { url: string }) {
      if (store.isAway) throw new Error('away');
      marks.add(url);
    },
    async unmark(_: string, url: string) {
      if (store.isAway) throw new Error('away');
      marks.delete(url);
    },
    list: async () => [...marks].map((url) => ({ project: h.projectUuid, url })),
  };
  return store;
}

const run = () =>
  h.newDriver(new h.FakeContext(), h.planOf([h.step('a', { url: a })], { onError: 'https://h.test/e' }));
const of = { delivery: 'step', step: 'a', attempt: 1, at: 1, startedAt: 1 } as const;
const error = { code: 'endpoint_gone', message: 'gone', status: 410 };
const gone: RunEvent = { type: 'step.failed', ...of, status: 410, error };
const fine: RunEvent = { type: 'step.completed', ...of, status: 200, result: '1' };

test('410 is of the URL of its step or hook; other answers mark nothing', () => {
  const driver = run();
  const mark = { projectUuid: h.projectUuid, runUuid: driver.runUuid };
  expect(goneOf([fine, gone, { ...gone, status: 404 }], driver)).toEqual([
    { ...mark, url: a, delivery: 'step', step: 'a' },
  ]);
  evolve(driver.state, { type: 'run.created', at: 1, started: true });
  evolve(driver.state, { type: 'step.failed', ...of, error });
  evolve(driver.state, { type: 'run.failed', at: 1 });
  const hook: RunEvent = {
    ...{ type: 'hook.failed', at: 2, delivery: 'hook', round: 0, attempt: 1 },
    ...{ startedAt: 1, status: 410, error },
  };
  expect(goneOf([hook], driver)).toEqual([
    { ...mark, url: 'https://h.test/e', delivery: 'hook', step: null },
  ]);
});

test('410 marks the URL of the step; a 2xx from there takes the mark away, also one that another process made', async () => {
  const store = fakeStore();
  const [one, other] = [new GoneEndpoints(store, log), new GoneEndpoints(store, log)];
  one.committed([fine, gone], run());
  await one.tick();
  expect([...store.marks]).toEqual([a]);
  await other.tick();
  other.committed([fine], run());
  await other.tick();
  expect([...store.marks]).toEqual([]);
});

test('a store that does not answer is told later, of the newest answer', async () => {
  const store = fakeStore();
  const endpoints = new GoneEndpoints(store, log);
  store.isAway = true;
  endpoints.committed([gone], run());
  await expect(endpoints.tick()).rejects.toThrow('away');
  endpoints.committed([fine], run());
  endpoints.committed([gone], run());
  store.isAway = false;
  await endpoints.tick();
  expect([...store.marks]).toEqual([a]);
});

test('other answers note nothing', async () => {
  const store = fakeStore();
  const endpoints = new GoneEndpoints(store, log);
  endpoints.committed([fine, { ...gone, status: 404 }, { type: 'run.failed', at: 2 }], run());
  await endpoints.tick();
  expect([...store.marks]).toEqual([]);
});
