import { campaign } from '../campaign.ts';
import { stepEnds } from '../evidence.ts';
import { killOf } from '../faults.ts';
import type { FaultRow } from '../row.ts';

/** The row asks for 5,000 runs of five steps; of the mix, some have fewer. */
const stepsOfRun = 5;

export const r01: FaultRow = {
  id: 'R1',
  title: 'SIGKILL of api and dispatcher every 2 to 5 s, two of each',
  short: { seconds: 20, runs: 200 },
  run: (context) =>
    campaign(context, {
      faults: [killOf('api'), killOf('dispatch')],
      everyMs: [2000, 5000],
      isAudited: true,
      judge(_, observation) {
        const [ends, wanted] = [stepEnds(observation), stepsOfRun * context.runs];
        return ends < wanted ? [`${ends} steps have ended, not ${wanted}: too little was shown`] : [];
      },
    }),
};
