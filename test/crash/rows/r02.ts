import { campaign } from '../campaign.ts';
import { crashOfDatabase } from '../faults.ts';
import type { FaultRow } from '../row.ts';

/** The next crash may meet the recovery from the one before: the processes must outlast all of it. */
export const r02: FaultRow = {
  id: 'R2',
  title: 'immediate stop of the database every 5 to 10 s, away for up to 2 s',
  short: { seconds: 25, runs: 200 },
  run: (context) => campaign(context, { faults: [crashOfDatabase(2000)], everyMs: [5000, 10_000] }),
};
