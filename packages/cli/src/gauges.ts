import type { Api } from '@waybill/api';
import type { Dispatcher } from '@waybill/dispatcher';
import type { Gauges } from '@waybill/metrics';
import type { Journal } from '@waybill/store';

/** The parts of a process; null for what its role does not have, or not yet. */
export interface Parts {
  api: Api | null;
  dispatcher: Dispatcher | null;
  /** The api's own. */
  journal: Journal | null;
}

/** What the parts are busy with now. */
export function gaugesOf({ api, dispatcher, journal }: Parts): Gauges {
  const dispatching = dispatcher?.stats ?? idle;
  return {
    runsOwned: dispatching.runs,
    exchangesInFlight: dispatching.inFlight,
    journalStuckMs: Math.max(dispatching.journalStuckMs, journal?.stuckForMs() ?? 0),
    circuitsOpen: dispatching.circuitsOpen,
    attemptsHeldBack: dispatching.attemptsHeldBack,
    openStreams: api?.stats.openStreams ?? 0,
    watchedRuns: api?.stats.watchedRuns ?? 0,
  };
}

/** A process that does not dispatch. */
const idle: Dispatcher['stats'] = {
  runs: 0,
  inFlight: 0,
  journalStuckMs: 0,
  circuitsOpen: 0,
  attemptsHeldBack: 0,
};
