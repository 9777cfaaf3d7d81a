import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explainAnalyze, withParameters } from '../test/explain.ts';
import * as h from '../test/harness.ts';
import { claimSql, claimSuspectSql } from './claims.ts';
import { deleteCommands, postCommand, readInbox } from './inbox.ts';
import { buildMessage } from './journal/message.ts';
import { deleteDoneRuns } from './queue.ts';

let database: h.TestDatabase;
let snapshot: h.HeldLock;
let me: string;
const free = [h.newUuid(), h.newUuid(), h.newUuid()];
const owned = [h.newUuid(), h.newUuid(), h.newUuid()];
const commands = [...free, ...owned].map((runUuid) => ({ runUuid, id: h.newUuid(), command: '{}' }));

/**
 * As after ten minutes under an old snapshot: queue and inbox are nearly empty, behind them lies all that ever was in
 * them, and vacuum has told the planner that they are tiny.
 */
beforeAll(async () => {
  database = await h.startDatabase();
  const { sql } = database;
  ({ uuid: me } = await h.register(database.url));
  snapshot = await h.holdTransaction(
    database.url,
    'set transaction isolation level repeatable read; select count(*) from run_queue',
  );
  await sql.unsafe(`insert into run_queue (run_id, project_id, ready_at, bytes)
    select gen_random_uuid(), '${h.projectUuid}', now() - interval '1 h' + n * interval '1 ms', 1
      from generate_series(1, 20000) n`);
  await sql.unsafe(`insert into inbox (run_id, id, command, created_at)
    select run_id, gen_random_uuid(), '{}', now() - interval '1 h' from run_queue`);
  await sql.unsafe(`update run_queue set owner = '${me}'`);
  await sql.unsafe('delete from run_queue');
  await sql.unsafe('delete from inbox');
  await sql.unsafe('vacuum (analyze) run_queue, inbox');
  for (const run of [...free, ...owned]) {
    const owner = owned.includes(run) ? me : null;
    await sql`insert into run_queue (run_id, project_id, ready_at, owner, bytes)
      values (${run}, ${h.projectUuid}, now(), ${owner}, 1)`;
  }
  for (const command of commands) expect(await postCommand(sql, command)).toBe(true);
});
afterAll(async () => {
  await snapshot.release();
  await database.stop();
});

describe('behind an old snapshot nothing walks over what is dead', () => {
  const marks = [{ project: h.projectUuid, sinceMs: Date.now() - 60_000 }];

  test('a claim', async () => {
    await expectFewPages([claimSql(me, { runs: 100, bytes: 1_000_000, isInboxRecent: true }, marks)]);
    await expectFewPages([claimSuspectSql(me)]);
  });

  test('a flush: progress, parking, ends, posts and commands that were answered', async () => {
    const refs = owned.map((uuid) => h.newRef(uuid));
    const queue = { bytes: 5, parkedUntilMs: null };
    const consumed = commands.map(({ id }) => id);
    const entries = [
      h.entry(refs[0]!, { queue, consumed: consumed.slice(3, 4) }),
      h.entry(refs[1]!, { queue: { bytes: 5, parkedUntilMs: Date.now() + 60_000 } }),
      h.entry(refs[2]!, {
        done: true,
        consumed: consumed.slice(5),
        posts: [{ ...commands[0]!, id: h.newUuid() }],
      }),
    ];
    const batch = entries.map((entry) => ({ entry, firstSeq: 1 }));
    const message = buildMessage(batch, { ownerUuid: me });
    expect(message.split(';').length).toBeGreaterThan(7);
    await expectFewPages(message.split(';'));
  });

  test('a look at the inbox, a command, and what takes them away', async () => {
    await expectFewPages(await sentBy((sql) => readInbox(sql, me, 500, true)));
    await expectFewPages(await sentBy((sql) => postCommand(sql, { ...commands[0]!, id: h.newUuid() })));
    await expectFewPages(await sentBy((sql) => deleteCommands(sql, commands)));
    await expectFewPages(await sentBy((sql) => deleteDoneRuns(sql, me, [{ runUuid: owned[0]!, seq: 1 }])));
  });
});

/** Of more than 300 pages each in the queue, the inbox and their indexes. */
async function expectFewPages(statements: readonly string[]): Promise<void> {
  const sql = h.connectDebug(database.url, () => {});
  for (const statement of statements) {
    await sql.unsafe('begin');
    const { plan, pages } = await explainAnalyze(sql, statement);
    await sql.unsafe('rollback');
    expect(pages, plan).toBeLessThan(100);
  }
  await sql.end();
}

/** The statements as they are sent, with their parameters put in. They are taken back. */
async function sentBy(run: (sql: h.Database) => PromiseLike<unknown>): Promise<string[]> {
  const sent: string[] = [];
  const sql = h.connectDebug(database.url, (query, parameters) => {
    sent.push(...withParameters(query, parameters).split(';'));
  });
  await sql.unsafe('begin');
  await run(sql);
  await sql.unsafe('rollback');
  await sql.end();
  return sent.slice(1, -1);
}
