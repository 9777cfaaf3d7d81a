import { type GivenUp, TcpProxy } from '../../support/tcp-proxy.ts';
import { campaign } from '../campaign.ts';
import { terminatedBackends } from '../faults.ts';
import { brokenOpenings, halfOpen } from '../proxied.ts';
import type { FaultRow } from '../row.ts';

/** A heartbeat gives up after 5 s and a query after 10 s; the rest is for a machine that is busy. */
const askedMsMax = 12_000;
/** What is idle is tried within 10 s, or closed with what was asked beside it. */
const idleMsMax = 25_000;

export const r05: FaultRow = {
  id: 'R5',
  title: 'half-open database sockets, connections that break as they open, terminated backends',
  short: { seconds: 40, runs: 100 },
  async run(context) {
    let proxy: TcpProxy | undefined;
    const held = () => proxy!;
    try {
      return await campaign(context, {
        faults: [halfOpen(held, askedMsMax, idleMsMax), brokenOpenings(held), terminatedBackends(0.5)],
        everyMs: [4000, 8000],
        isAudited: true,
        figures: () => waits(proxy!.givenUp),
        async between(databaseUrl) {
          proxy = await TcpProxy.start(databaseUrl);
          return proxy.url;
        },
      });
    } finally {
      await proxy?.close();
    }
  },
};

function waits(givenUp: readonly GivenUp[]): Record<string, string> {
  const asked = givenUp.flatMap(({ askedMs }) => (askedMs === null ? [] : [askedMs]));
  const slowest = (Math.max(0, ...asked) / 1000).toFixed(1);
  return {
    'half-open connections given up': `${asked.length} after a question, by ${slowest} s at most; ${givenUp.length - asked.length} idle`,
  };
}
