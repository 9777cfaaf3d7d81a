import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Handler, startHandler } from '../test/handler.ts';
import { newUuid, projectUuid } from '../test/harness.ts';
import * as live from '../test/live.ts';

let database: live.TestDatabase;
let handler: Handler;
beforeAll(async () => {
  database = await live.startDatabase();
  handler = await startHandler();
});
afterAll(async () => {
  await handler.close();
  await database.stop();
});

const open: live.TestDispatcher[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  handler.reset();
});

async function startDispatcher(): Promise<live.TestDispatcher> {
  const started = await live.startDispatcher(database);
  open.push(started);
  return started;
}

const sent = () => handler.requests.map(({ step, attempt }) => `${step}${attempt}`);

test('a hint makes it claim at once what the api wrote', async () => {
  const { dispatcher, committed } = await startDispatcher();
  const run = await database.createRun(await database.store(handler.chain(['a', 'b'])));
  dispatcher.poke();
  await committed(run, 'run.completed');
  expect(sent()).toEqual(['a1', 'b1']);
  expect(dispatcher.stats).toMatchObject({ runs: 0, inFlight: 0, journalStuckMs: 0, isLeased: true });
});

test('a lease that was lost: everything is dropped, and the run completes under a new id', async () => {
  const { startOwned, dispatcher, committed, logged } = await startDispatcher();
  const stored = await database.store(handler.chain(['a', 'b', 'c']));
  handler.hold('b');
  const uuid = newUuid();
  await startOwned(stored, uuid);
  await handler.arrived('b', 1);
  await committed(uuid, 'attempt.started');
  const [before] = await database.dispatchers();
  // What a rescuer does.
  await database.sql`update run_queue set owner = null, claims = claims + 1 where owner = ${before!}`;
  await database.sql`delete from dispatchers where id = ${before!}`;
  // The answer's flush meets the fence.
  handler.release();
  await logged('starting again under a new id');
  await committed(uuid, 'run.completed');
  expect(sent()).toEqual(['a1', 'b1', 'b2', 'c1']);
  const [after, ...others] = await database.dispatchers();
  expect(after).not.toBe(before);
  expect(others).toEqual([]);
  expect(dispatcher.mayOwn(projectUuid)).toBe(true);
});

test('it stops in order, and gives its lease back, though housekeeping hangs', async () => {
  let isKeeping = false;
  const houseKeep = () => {
    isKeeping = true;
    return new Promise<void>(() => {});
  };
  const { dispatcher, close } = await live.startDispatcher(database, (deps) => {
    const get = (store: object, name: string) => {
      const member: unknown = Reflect.get(store, name);
      if (name === 'houseKeep') return houseKeep;
      return typeof member === 'function' ? member.bind(store) : member;
    };
    return { ...deps, store: new Proxy(deps.store, { get: (store, name) => get(store, String(name)) }) };
  });
  await expect.poll(() => isKeeping).toBe(true);
  await dispatcher.stop(0);
  expect(await database.dispatchers()).toEqual([]);
  await close();
});

test('stopped while it takes a new lease: that one is given back too', async () => {
  const { dispatcher, startOwned, logged } = await startDispatcher();
  const stored = await database.store(handler.chain(['a']));
  await database.sql`delete from dispatchers`;
  await expect(startOwned(stored, newUuid())).rejects.toMatchObject({ code: 'lease_lost' });
  await dispatcher.stop(0);
  await logged('lease acquired', 2);
  expect(await database.dispatchers()).toEqual([]);
});
