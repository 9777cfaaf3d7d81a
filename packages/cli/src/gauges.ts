import type { Api } from '@waybill/api';
import { type Dispatcher, idleStats } from '@waybill/dispatcher';
import type { Gauges } from '@waybill/metrics';
import type { Journal, PlanCache } from '@waybill/store';

/** The parts of a process; null for what its role does not have, or not yet. */
export interface Parts {
  api: Api | null;
  dispatcher: Dispatcher | null;
  /** The api's own. */
  journal: Journal | null;
  readonly plans: PlanCache;
}

/** What the parts are busy with now. */
export function gaugesOf({ api, dispatcher, journal, plans }: Parts): Gauges {
  const { runs, inFlight, ...dispatching } = dispatcher?.stats ?? idleStats;
  const own = journal
    ? { stuckMs: journal.stuckForMs(), bytes: journal.pendingBytes }
    : { stuckMs: 0, bytes: 0 };
  return {
    ...(api?.stats ?? notServing),
    ...dispatching,
    runsOwned: runs,
    exchangesInFlight: inFlight,
    journalStuckMs: Math.max(dispatching.journalStuckMs, own.stuckMs),
    journalPendingBytes: dispatching.journalPendingBytes + own.bytes,
    planBytes: plans.bytes,
  };
}

const notServing: Api['stats'] = {
  ...{
    requests: 0,
    openStreams: 0,
    watchedRuns: 0,
    watches: 0,
    startsUnderWay: 0,
    bodyBytes: 0,
    foldBytes: 0,
  },
};
