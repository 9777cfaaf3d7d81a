import { campaign } from '../campaign.ts';
import { killOf } from '../faults.ts';
import type { FaultRow } from '../row.ts';

export const r01: FaultRow = {
  id: 'R1',
  title: 'SIGKILL of api and dispatcher every 2 to 5 s, two of each',
  short: { seconds: 20, runs: 200 },
  run: (context) => campaign(context, { faults: [killOf('api'), killOf('dispatch')], everyMs: [2000, 5000] }),
};
