import { createSigner } from '@waybill/signing';
import { describe, expect, test } from 'vitest';
import { checks, secret, types } from '../test/harness.ts';
import * as live from '../test/live.ts';
import { type Sessions, useSessions } from '../test/sessions.ts';
import type { DispatcherDeps } from './dispatcher.ts';
import type { ProjectCache } from './project-cache.ts';

let database: Sessions['database'];
let handler: Sessions['handler'];
let startSession: Sessions['start'];
useSessions(
  (sessions) => {
    ({ database, handler, start: startSession } = sessions);
  },
  ['run_queue', 'inbox', 'dispatchers'],
);

const claimsOf = async (run: string) => (await database.queue(run))?.claims;
async function suspectOf({ uuid }: live.TestSession): Promise<string | null> {
  const [row] = await database.sql<{ run: string | null }[]>`
    select suspect_run_id as run from dispatchers where id = ${uuid}`;
  return row!.run;
}

describe('a run with which dispatchers die', () => {
  test('is a suspect after two of them and quarantined after three; its neighbours go on', async () => {
    const [first, second, third, fourth] = await Promise.all([1, 2, 3, 4].map(() => startSession()));
    handler.hold('a');
    const stored = await database.store(handler.chain(['a']));
    const [poison, slow] = [await database.createRun(stored), await database.createRun(stored)];
    const quick = await database.createRun(await database.store(handler.chain(['b'])));

    await first!.session.claim();
    await first!.committed(quick, 'run.completed');
    await first!.die(second!);
    await second!.session.claim();
    await second!.die(third!);
    expect([await claimsOf(poison), await claimsOf(slow)]).toEqual([2, 2]);

    // One at a time, and named.
    await database.sql`update run_queue set ready_at = ready_at - interval '1 s' where run_id = ${poison}`;
    expect(await third!.session.claim()).toBe(1);
    expect(await third!.session.claim()).toBe(0);
    expect(await suspectOf(third!)).toBe(poison);
    const neighbour = await database.createRun(await database.store(handler.chain(['c'])));
    await third!.session.claim();
    await third!.committed(neighbour, 'run.completed');

    await third!.die(fourth!);
    expect([await claimsOf(poison), await claimsOf(slow)]).toEqual([3, 2]);
    expect(await fourth!.session.claim()).toBe(2);
    await fourth!.committed(poison, 'run.quarantined');
    expect((await database.events(poison)).at(-1)).toMatchObject({
      type: 'run.quarantined',
      error: { code: 'dispatcher_killed' },
    });
    expect(await database.queue(poison)).toBeUndefined();
    expect(await suspectOf(fourth!)).toBe(slow);
    handler.release();
    await fourth!.committed(slow, 'run.completed');
  });

  test('is none when it only waits: one after the other is looked at and parked', async () => {
    const { session, uuid } = await startSession();
    const at = Date.now();
    const stored = await database.store(handler.chain(['a']));
    const attempt = { delivery: 'step', step: 'a', attempt: 1, startedAt: at } as const;
    const waits = [
      { type: 'run.started', at },
      { type: 'attempt.pending', at, ...attempt, until: at + 3_600_000 },
    ] as const;
    const runs = await Promise.all([1, 2, 3].map(() => database.createRun(stored, waits)));
    await database.sql`update run_queue set claims = 2`;
    while ((await database.sql`select 1 from run_queue where claims = 2`).length > 0) await session.claim();
    expect(await Promise.all(runs.map((run) => database.queue(run)))).toEqual(
      runs.map(() => ({ owner: null, claims: 0 })),
    );
    expect([session.stats.runs, await suspectOf({ uuid } as live.TestSession)]).toEqual([0, null]);
    expect(handler.requests).toEqual([]);
  });

  test('is none any more once it has made progress: a step ended', async () => {
    const session = await startSession();
    handler.hold('b');
    const run = await database.createRun(await database.store(handler.chain(['a', 'b'])));
    const other = await database.createRun(await database.store(handler.chain(['c'])));
    await database.sql`update run_queue set claims = 2`;
    expect(await session.session.claim()).toBe(1);
    await handler.arrived('b', 1);
    expect([await claimsOf(run), await suspectOf(session)]).toEqual([0, null]);
    expect(await session.session.claim()).toBe(1);
    await session.committed(other, 'run.completed');
    handler.release();
    await session.committed(run, 'run.completed');
  });

  test('does not become innocent by being taken over', async () => {
    const { session, committed } = await startSession();
    handler.hold('a');
    const at = Date.now();
    const run = await database.createRun(await database.store(handler.chain(['a'])), [
      { type: 'run.started', at },
      { type: 'attempt.started', at, delivery: 'step', step: 'a', attempt: 1 },
    ]);
    await database.sql`update run_queue set claims = 1`;
    await session.claim();
    await committed(run, 'attempt.lost');
    await handler.arrived('a', 2);
    expect(await claimsOf(run)).toBe(1);
    handler.release();
    await committed(run, 'run.completed');
  });
});

describe('a run over which our own code throws', () => {
  /** Signs for all runs but this one. */
  function throwingFor(runId: () => string): Pick<DispatcherDeps, 'projects'> {
    const signer = createSigner([secret]);
    const sign: typeof signer.sign = (message) => {
      if (String(message.body).includes(runId())) throw new Error('boom');
      return signer.sign(message);
    };
    const get: ProjectCache['get'] = async (_, uuid) => ({ uuid, signer: { sign }, checks });
    return { projects: { get } as ProjectCache };
  }

  test('in each send ends, with its hook, and is not loaded for ever; others go on', async () => {
    let id = 'run_none';
    const { session, committed, logged } = await startSession(throwingFor(() => id));
    const onError = `${handler.url}/hook`;
    const run = await database.createRun(await database.store(handler.chain(['a', 'b'], 3, { onError })));
    id = live.runIdOf(run);
    const other = await database.createRun(await database.store(handler.chain(['c', 'd'])));
    expect(await session.claim()).toBe(2);
    await committed(run, 'hook.failed');
    await committed(other, 'run.completed');
    await logged('reloading the run', 2);
    expect(types(await database.events(run))).toEqual([
      ...['run.created', 'run.started', 'run.quarantined', 'hook.failed'],
    ]);
    expect(await database.queue(run)).toBeUndefined();
    expect(session.stats.runs).toBe(0);
    expect(handler.requests.map(({ step }) => step)).toEqual(['c', 'd']);
  });

  test('in a retry that a timer sends is ended as well', async () => {
    let id = 'run_none';
    const { session, clock, committed } = await startSession(throwingFor(() => id));
    const at = Date.now();
    const error = { code: 'http_500', message: 'no' };
    const attempt = { delivery: 'step', step: 'a', attempt: 1 } as const;
    const run = await database.createRun(await database.store(handler.chain(['a'])), [
      { type: 'run.started', at },
      { type: 'attempt.failed', at, ...attempt, startedAt: at, error, retryAt: at + 60_000 },
    ]);
    id = live.runIdOf(run);
    await session.claim();
    clock.leap(61_000);
    session.timers.tick();
    await committed(run, 'run.quarantined');
    expect(await database.queue(run)).toBeUndefined();
  });
});
