import { Counter, Gauge, type Registry } from 'prom-client';

/** What a process is busy with now; zero for a role that it does not have. */
export interface Gauges {
  readonly runsOwned: number;
  /** What their states take, as bounded. */
  readonly runBytes: number;
  /** That of the largest. */
  readonly largestRunBytes: number;
  readonly exchangesInFlight: number;
  /** What these requests take. */
  readonly inFlightBytes: number;
  /** What has come of their answers. */
  readonly answerBytes: number;
  /** Due, and without a place among those in flight. */
  readonly deliveriesWaiting: number;
  /** Transitions that are not durable yet. */
  readonly journalPendingBytes: number;
  /** How long journal flushes have been failing; 0 while they succeed. */
  readonly journalStuckMs: number;
  /** Endpoints that only fail, to which attempts are held back. */
  readonly circuitsOpen: number;
  /** Since the process started. */
  readonly attemptsHeldBack: number;
  /** To the API, streams not counted. */
  readonly requests: number;
  readonly openStreams: number;
  readonly watchedRuns: number;
  /** Requests that wait, and streams. */
  readonly watches: number;
  readonly startsUnderWay: number;
  /** Of requests under way. */
  readonly bodyBytes: number;
  /** Kept for later. */
  readonly foldBytes: number;
  readonly planBytes: number;
}

type Row = readonly [name: string, help: string, pick: (now: Gauges) => number];

const gauges: readonly Row[] = [
  ['runs_owned', 'Runs that this process drives.', (now) => now.runsOwned],
  ['run_state_bytes', 'What the states of these runs take in memory, about.', (now) => now.runBytes],
  ['largest_run_state_bytes', 'The largest of these states.', (now) => now.largestRunBytes],
  ['exchanges_in_flight', 'Requests to handlers without an answer yet.', (now) => now.exchangesInFlight],
  ['exchange_bytes_in_flight', 'Bodies of these requests.', (now) => now.inFlightBytes],
  ['answer_bytes_in_flight', 'What has come of their answers.', (now) => now.answerBytes],
  [
    'deliveries_waiting',
    'Deliveries that are due and wait for a free exchange.',
    (now) => now.deliveriesWaiting,
  ],
  [
    'journal_pending_bytes',
    'Transitions given to the journal that are not durable yet.',
    (now) => now.journalPendingBytes,
  ],
  [
    'journal_stuck_seconds',
    'How long flushes of the journal have been failing; 0 while they succeed.',
    (now) => now.journalStuckMs / 1000,
  ],
  ['circuits_open', 'Endpoints that only fail, to which attempts are held back.', (now) => now.circuitsOpen],
  ['requests_under_way', 'Requests to the API without an answer yet.', (now) => now.requests],
  ['event_streams_open', 'Event streams being followed.', (now) => now.openStreams],
  ['runs_watched', 'Runs that requests wait for or follow.', (now) => now.watchedRuns],
  ['watches_open', 'Requests that wait for a run, and event streams.', (now) => now.watches],
  ['starts_under_way', 'Runs being started that are not durable yet.', (now) => now.startsUnderWay],
  ['request_body_bytes', 'Bodies of requests under way.', (now) => now.bodyBytes],
  ['fold_cache_bytes', 'Runs that the API keeps folded, about.', (now) => now.foldBytes],
  ['plan_cache_bytes', 'Definitions kept compiled, about.', (now) => now.planBytes],
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
