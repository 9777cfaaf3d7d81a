import { connectDatabase, type TestSql } from '../../support/database.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../caller.ts';
import { campaign, type Fault } from '../campaign.ts';
import { FailoverPair } from '../failover-pair.ts';
import type { FaultRow } from '../row.ts';

const resumesMsMax = 15_000;

export const r04: FaultRow = {
  id: 'R4',
  title: 'failover to a synchronous standby',
  short: { seconds: 20, runs: 100 },
  packages: ['postgresql-15'],
  async run(context) {
    let proxy: TcpProxy | undefined;
    let [startedMs, movedMs] = [Number.NaN, Number.NaN];
    const failover: Fault = {
      kind: 'failover',
      async strike({ cluster, load }) {
        const startedAt = performance.now();
        const since = () => performance.now() - startedAt;
        const resumes = (isSo: () => boolean | Promise<boolean>, what: string) =>
          until(isSo, Math.max(0, resumesMsMax - since()), `after the failover ${what}`).then(since);
        await cluster.stop();
        await cluster.restart();
        const sql = connectDatabase(cluster.url);
        try {
          const [ends, starts] = [await stepEnds(sql), load.acknowledgements.length];
          proxy!.retarget(cluster.url);
          [startedMs, movedMs] = await Promise.all([
            resumes(() => load.acknowledgements.length > starts, 'no start was taken'),
            resumes(async () => (await stepEnds(sql)) > ends, 'no step has ended'),
          ]);
        } finally {
          await sql.end();
        }
      },
    };
    try {
      return await campaign(context, {
        ground: () => FailoverPair.start(),
        faults: [failover],
        everyMs: [8000, 10_000],
        isAudited: true,
        async between(databaseUrl) {
          proxy = await TcpProxy.start(databaseUrl);
          return proxy.url;
        },
        // There is one standby.
        strikesMax: 1,
        async after() {
          return Number.isNaN(movedMs) ? ['there was no failover that was recovered from'] : [];
        },
        figures: () => ({
          'the next start was taken after': `${(startedMs / 1000).toFixed(1)} s`,
          'the next step had ended after': `${(movedMs / 1000).toFixed(1)} s`,
        }),
      });
    } finally {
      await proxy?.close();
    }
  },
};

/** Steps that have ended, as the database has it. */
async function stepEnds(sql: TestSql): Promise<number> {
  const [row] = await sql<{ ends: number }[]>`
    select count(*)::int as ends from run_events where type in ('step.completed', 'step.failed')`;
  return row!.ends;
}
