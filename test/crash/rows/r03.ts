import { TcpProxy } from '../../support/tcp-proxy.ts';
import { campaign } from '../campaign.ts';
import type { FaultRow } from '../row.ts';

const lostShare = 0.05;

export const r03: FaultRow = {
  id: 'R3',
  title: 'the answer to a commit is lost, with its connection, for one write in twenty',
  short: { seconds: 15, runs: 200 },
  async run(context) {
    const chance = context.random.fork('answers');
    let isOn = false;
    let proxy: TcpProxy | undefined;
    try {
      return await campaign(context, {
        faults: [],
        everyMs: [0, 0],
        isAudited: true,
        async between(databaseUrl) {
          proxy = await TcpProxy.start(databaseUrl, { losesAnswer: () => isOn && chance.chance(lostShare) });
          return proxy.url;
        },
        // Not while they start: a process may refuse to, which is another matter.
        async before() {
          isOn = true;
        },
        figures: () => ({ 'answers lost': proxy!.losses }),
        async after() {
          isOn = false;
          return proxy!.losses > 0 ? [] : ['no answer was lost: nothing was shown'];
        },
      });
    } finally {
      await proxy?.close();
    }
  },
};
