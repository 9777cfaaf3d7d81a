import { Counter, Gauge, type Registry } from 'prom-client';

/** What a process is busy with now; zero for a role that it does not have. */
export interface Gauges {
  readonly runsOwned: number;
  readonly exchangesInFlight: number;
  /** How long journal flushes have been failing; 0 while they succeed. */
  readonly journalStuckMs: number;
  /** Endpoints that only fail, to which attempts are held back. */
  readonly circuitsOpen: number;
  /** Since the process started. */
  readonly attemptsHeldBack: number;
  readonly openStreams: number;
  readonly watchedRuns: number;
}

type Row = readonly [name: string, help: string, pick: (now: Gauges) => number];

const gauges: readonly Row[] = [
  ['runs_owned', 'Runs that this process drives.', (now) => now.runsOwned],
  ['exchanges_in_flight', 'Requests to handlers without an answer yet.', (now) => now.exchangesInFlight],
  [
    'journal_stuck_seconds',
    'How long flushes of the journal have been failing; 0 while they succeed.',
    (now) => now.journalStuckMs / 1000,
  ],
  ['circuits_open', 'Endpoints that only fail, to which attempts are held back.', (now) => now.circuitsOpen],
  ['event_streams_open', 'Event streams being followed.', (now) => now.openStreams],
  ['runs_watched', 'Runs that requests wait for or follow.', (now) => now.watchedRuns],
];

/** Counted by the parts themselves, since the process started. */
const counters: readonly Row[] = [
  [
    'attempts_held_back_total',
    'Attempts sent later because their endpoint only failed.',
    (now) => now.attemptsHeldBack,
  ],
];

export function createGauges(registry: Registry, read: () => Gauges): void {
  const registers = [registry];
  for (const [name, help, pick] of gauges) {
    const collect = function (this: Gauge) {
      this.set(pick(read()));
    };
    new Gauge({ name: `waybill_${name}`, help, registers, collect });
  }
  for (const [name, help, pick] of counters) {
    const collect = function (this: Counter) {
      this.reset();
      this.inc(pick(read()));
    };
    new Counter({ name: `waybill_${name}`, help, registers, collect });
  }
}
