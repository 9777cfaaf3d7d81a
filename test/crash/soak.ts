/** `npm run soak`: everything that may happen, one after the other, and a page on what came of it. */
import { TcpProxy } from '../support/tcp-proxy.ts';
import { campaign } from './campaign.ts';
import {
  crashOfDatabase,
  killOf,
  pauseBesides,
  pauseOfDispatcher,
  stopOf,
  terminatedBackends,
} from './faults.ts';
import { readOptions } from './options.ts';
import { briefHalfOpen, brokenOpenings, cutConnections, hangingCommits } from './proxied.ts';
import { runAndPrint } from './report.ts';
import type { FaultRow } from './row.ts';
import { rollingRestart } from './rows/r08.ts';

const lostShare = 0.01;

const soak: FaultRow = {
  id: 'soak',
  title: 'a mixed load, and a fault every few seconds',
  short: { seconds: 600, runs: 0 },
  async run(context) {
    const chance = context.random.fork('answers');
    let proxy: TcpProxy | undefined;
    let isOn = false;
    const held = () => proxy!;
    const pauses = new Set<Promise<void>>();
    try {
      return await campaign(context, {
        faults: [
          killOf('api'),
          killOf('dispatch'),
          killOf('dispatch'),
          stopOf('api', 'dispatch'),
          pauseOfDispatcher(4000),
          pauseBesides(20_000, pauses),
          crashOfDatabase(2000),
          terminatedBackends(0.5),
          briefHalfOpen(held),
          brokenOpenings(held),
          cutConnections(held),
          hangingCommits(held, 5000),
          rollingRestart(),
        ],
        everyMs: [2000, 5000],
        isAudited: true,
        async between(databaseUrl) {
          proxy = await TcpProxy.start(databaseUrl, { losesAnswer: () => isOn && chance.chance(lostShare) });
          return proxy.url;
        },
        async before() {
          isOn = true;
        },
        async whenLoadEnds() {
          isOn = false;
          await Promise.all(pauses);
        },
        figures: () => ({ 'answers to commits lost': proxy!.losses }),
      });
    } finally {
      await proxy?.close();
    }
  },
};

const { seed, size } = readOptions();
process.exit((await runAndPrint(soak, seed, size)) ? 0 : 1);
