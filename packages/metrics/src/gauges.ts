import { Gauge, type Registry } from 'prom-client';

/** What a process is busy with now; zero for a role that it does not have. */
export interface Gauges {
  readonly runsOwned: number;
  readonly exchangesInFlight: number;
  /** How long journal flushes have been failing; 0 while they succeed. */
  readonly journalStuckMs: number;
  readonly openStreams: number;
  readonly watchedRuns: number;
}

export function createGauges(registry: Registry, read: () => Gauges): void {
  const gauge = (name: string, help: string, pick: (gauges: Gauges) => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(pick(read()));
      },
    });
  gauge('waybill_runs_owned', 'Runs that this process drives.', ({ runsOwned }) => runsOwned);
  gauge('waybill_exchanges_in_flight', 'Requests to handlers without an answer yet.', (now) => {
    return now.exchangesInFlight;
  });
  gauge(
    'waybill_journal_stuck_seconds',
    'How long flushes of the journal have been failing; 0 while they succeed.',
    ({ journalStuckMs }) => journalStuckMs / 1000,
  );
  gauge('waybill_event_streams_open', 'Event streams being followed.', ({ openStreams }) => openStreams);
  gauge('waybill_runs_watched', 'Runs that requests wait for or follow.', ({ watchedRuns }) => watchedRuns);
}
