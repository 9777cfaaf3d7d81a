import { TcpProxy } from '../../support/tcp-proxy.ts';
import { pause } from '../caller.ts';
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
    let resumedMs = 0;
    const failover: Fault = {
      kind: 'failover',
      async strike({ cluster, load }) {
        // There is one standby.
        if (resumedMs > 0) return;
        const startedAt = performance.now();
        await cluster.stop();
        await cluster.restart();
        proxy!.retarget(cluster.url);
        const known = load.acknowledgements.length;
        while (load.acknowledgements.length === known) await pause(10);
        resumedMs = performance.now() - startedAt;
        if (resumedMs > resumesMsMax)
          throw new Error(`the next start was taken ${Math.round(resumedMs)} ms later`);
      },
    };
    try {
      return await campaign(context, {
        ground: () => FailoverPair.start(),
        faults: [failover],
        everyMs: [8000, 10_000],
        async between(databaseUrl) {
          proxy = await TcpProxy.start(databaseUrl);
          return proxy.url;
        },
        figures: () => ({ 'the next start was taken after': `${(resumedMs / 1000).toFixed(1)} s` }),
      });
    } finally {
      await proxy?.close();
    }
  },
};
