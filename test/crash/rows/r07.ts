import { campaign } from '../campaign.ts';
import { pauseOfDispatcher } from '../faults.ts';
import type { FaultRow } from '../row.ts';

const leaseMs = 15_000;

/** A process that was away for so long must not write, and must not send, when it comes back. */
export const r07: FaultRow = {
  id: 'R7',
  title: 'SIGSTOP of a dispatcher for three leases, then SIGCONT',
  short: { seconds: 20, runs: 150 },
  run: (context) =>
    campaign(context, {
      faults: [pauseOfDispatcher(3 * leaseMs)],
      everyMs: [3000, 5000],
    }),
};
