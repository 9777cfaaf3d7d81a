import { pause } from '../caller.ts';
import { campaign, type Fault } from '../campaign.ts';
import type { FaultRow } from '../row.ts';

const awayMsMax = 2000;
const readyMsMax = 300;

/** The next crash may meet the recovery from the one before: the processes must outlast all of it. */
export const r02: FaultRow = {
  id: 'R2',
  title: 'immediate stop of the database every 5 to 10 s, away for up to 2 s, also during recovery',
  short: { seconds: 25, runs: 200 },
  run(context) {
    const again = { inRecovery: 0, soonAfter: 0 };
    return campaign(context, {
      faults: [crashes(again)],
      everyMs: [5000, 10_000],
      isAudited: true,
      after: async () => (again.inRecovery > 0 ? [] : ['the database was never stopped while it recovered']),
      figures: () => ({
        'stopped again': `${again.inRecovery} while it recovered, ${again.soonAfter} up to ${readyMsMax} ms later`,
      }),
    });
  },
};

/** Every other one is followed by a second: by turns in the recovery from the first, and just after that. */
function crashes(again: { inRecovery: number; soonAfter: number }): Fault {
  let strikes = 0;
  return {
    kind: 'immediate stop of the database',
    async strike({ cluster, random }) {
      const turn = strikes++ % 4;
      await cluster.stop('immediate');
      await pause(random.between(0, awayMsMax));
      if (turn % 2 === 0) {
        const afterReadyMs = turn === 0 ? null : random.between(0, readyMsMax);
        if (await cluster.crashWhileStarting!(afterReadyMs)) again.inRecovery++;
        else again.soonAfter++;
        await pause(random.between(0, awayMsMax));
      }
      await cluster.restart();
    },
  };
}
