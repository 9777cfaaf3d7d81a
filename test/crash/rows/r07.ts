import { connectDatabase, type TestSql } from '../../support/database.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { userOf } from '../audit.ts';
import { pause, until } from '../caller.ts';
import { campaign, type Fault, type Scene } from '../campaign.ts';
import type { Slot } from '../fleet.ts';
import { inFlight } from '../owners.ts';
import type { FaultRow } from '../row.ts';

const leaseMs = 15_000;
/** A lease ends within 15 s; who looks for such does so every 5 s. */
const rescueMsMax = leaseMs + 5000 + 5000;
/** Runs that were freed are claimed within a second, by whom the test has let write again. */
const claimMsMax = 10_000;
const returnMsMax = 10_000;

/** A process that was away for so long must not write, and must not send, when it comes back. */
export const r07: FaultRow = {
  id: 'R7',
  title: 'SIGSTOP of a dispatcher for three leases, then SIGCONT',
  short: { seconds: 20, runs: 150 },
  async run(context) {
    let proxy: TcpProxy | undefined;
    const seen: Seen = { requests: 0, runs: 0, late: 0, refused: 0, rescueMs: 0 };
    try {
      return await campaign(context, {
        faults: [pauseWithLateWrites(() => proxy!, seen)],
        everyMs: [3000, 5000],
        isAudited: true,
        async between(databaseUrl) {
          proxy = await TcpProxy.start(databaseUrl);
          return proxy.url;
        },
        figures: () => ({
          'runs of those that stood still': `${seen.runs}, of which ${seen.requests} had been sent and not answered`,
          'rescued after at most': `${(seen.rescueMs / 1000).toFixed(1)} s`,
          'late flushes': `${seen.late}, of which ${seen.refused} refused`,
        }),
      });
    } finally {
      await proxy?.close();
    }
  },
};

interface Seen {
  requests: number;
  runs: number;
  late: number;
  refused: number;
  rescueMs: number;
}

/**
 * The process stops with a flush on its way, which gets to the database when its runs have just been freed: whoever
 * is to take them over may not write before, for only then is no other row in the way of the late ones.
 */
function pauseWithLateWrites(proxy: () => TcpProxy, seen: Seen): Fault {
  return {
    kind: 'SIGSTOP of a dispatcher for three leases',
    async strike(scene) {
      const { fleet, random, cluster } = scene;
      const slot = random.pick(fleet.of('dispatch'));
      const heirs = fleet.of('dispatch').filter((other) => other !== slot);
      const sql = connectDatabase(cluster.url);
      const startedAt = performance.now();
      try {
        const before = await stop(scene, { slot, sql, proxy: proxy(), seen });
        await until(() => expired(sql, before.id), rescueMsMax, 'its lease did not end');
        for (const heir of heirs) proxy().hold(userOf(heir.name));
        await until(() => freed(sql, before), rescueMsMax, 'its runs were not rescued');
        seen.rescueMs = Math.max(seen.rescueMs, performance.now() - startedAt);
        const answers = await proxy().release(userOf(slot.name));
        for (const heir of heirs) await proxy().release(userOf(heir.name));
        seen.late += answers.length;
        seen.refused += answers.filter((answer) => answer.includes('C22012')).length;
        await until(() => taken(sql, before), claimMsMax, 'its runs were not claimed');
        await pause(startedAt + 3 * leaseMs - performance.now());
        fleet.signal(slot, 'SIGCONT');
        const isBack = async () => (await idOf(sql, slot)) !== null;
        await until(isBack, returnMsMax, 'it did not come back under a new id');
        if (seen.refused < seen.late)
          throw new Error(
            `a late flush was answered ${answers
              .join()
              .replace(/[^ -~]+/g, ' ')
              .slice(0, 100)}`,
          );
      } finally {
        for (const heir of heirs) await proxy().release(userOf(heir.name));
        await sql.end();
      }
    },
  };
}

interface Before {
  readonly id: string;
  /** Of its runs. */
  readonly runs: readonly string[];
}

/** Stops it as soon as a flush of its own is held back. */
async function stop(
  scene: Scene,
  { slot, sql, proxy, seen }: { slot: Slot; sql: TestSql; proxy: TcpProxy; seen: Seen },
): Promise<Before> {
  const user = userOf(slot.name);
  proxy.hold(user);
  await until(() => proxy.held(user) > 0, 5000, 'it had nothing to write');
  scene.fleet.signal(slot, 'SIGSTOP');
  const id = await idOf(sql, slot);
  if (id === null) throw new Error(`${slot.name} had no lease`);
  const runs = (await sql<{ run: string }[]>`select run_id as run from run_queue where owner = ${id}`).map(
    ({ run }) => run,
  );
  if (runs.length === 0) throw new Error(`${slot.name} had no runs`);
  seen.runs += runs.length;
  seen.requests += await inFlight(scene, slot.process!.pid);
  return { id, runs };
}

/** Of the dispatcher in that process; null when it has no lease. */
async function idOf(sql: TestSql, { process: held }: Slot): Promise<string | null> {
  const [row] = await sql<{ id: string }[]>`select id from dispatchers where pid = ${held!.pid}`;
  return row?.id ?? null;
}

async function expired(sql: TestSql, id: string): Promise<boolean> {
  return (
    (await sql`select from dispatchers where id = ${id} and expires_at > clock_timestamp()`).length === 0
  );
}

/** Its row is gone, and nothing is its own any more. */
async function freed(sql: TestSql, { id }: Before): Promise<boolean> {
  const left = await sql`
    select from dispatchers where id = ${id} union all select from run_queue where owner = ${id} limit 1`;
  return left.length === 0;
}

/** Each is somebody else's, or over, or waits for its time. */
async function taken(sql: TestSql, { runs }: Before): Promise<boolean> {
  const free = await sql`
    select from run_queue where run_id = any(${runs as string[]}::uuid[]) and owner is null and ready_at < now() limit 1`;
  return free.length === 0;
}
