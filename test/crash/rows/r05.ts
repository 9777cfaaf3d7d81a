import { TcpProxy } from '../../support/tcp-proxy.ts';
import { campaign } from '../campaign.ts';
import { terminatedBackends } from '../faults.ts';
import { brokenOpenings, halfOpen } from '../proxied.ts';
import type { FaultRow } from '../row.ts';

/** A heartbeat gives up after 5 s and a query after 10 s; what is idle is tried within 10 s. */
const giveUpMsMax = 25_000;

export const r05: FaultRow = {
  id: 'R5',
  title: 'half-open database sockets, connections that break as they open, terminated backends',
  short: { seconds: 40, runs: 100 },
  async run(context) {
    let proxy: TcpProxy | undefined;
    const held = () => proxy!;
    try {
      return await campaign(context, {
        faults: [halfOpen(held, giveUpMsMax), brokenOpenings(held), terminatedBackends(0.5)],
        everyMs: [4000, 8000],
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
