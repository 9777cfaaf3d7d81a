import type { RunEvent, RunState } from '@waybill/engine';
import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import { AttemptCounts } from './attempt-counts.ts';
import { ClaimDurations } from './claim-durations.ts';
import { createGauges, type Gauges } from './gauges.ts';
import { type Flush, JournalFlushes } from './journal-flushes.ts';
import { RunCounts } from './run-counts.ts';
import { ScheduleTicks } from './schedule-ticks.ts';
import { type SlowStep, StepDurations } from './step-durations.ts';

/** Whose events they are. Its state may be newer than the events. */
export interface CommittedRun {
  readonly state: RunState;
  readonly info: { readonly id: string; readonly workflowId: string };
}

export interface MetricsOptions {
  /** Asked at each scrape. */
  readonly gauges: () => Gauges;
  readonly onSlowStep: (slow: SlowStep) => void;
  /** Workflows with a label of their own; the rest share `other`. 100 when absent. */
  readonly workflowsMax?: number;
}

export interface Metrics {
  readonly contentType: string;
  /** All of them, as `/metrics` answers. */
  text(): Promise<string>;
  /** A request was told to come again, with 429 or 503. */
  refused(code: string): void;
  /** The database took so long to give so many runs. */
  claimed(durationMs: number, runs: number): void;
  /** A journal of this process has flushed, or given up on what a flush carried. */
  flushed(flush: Flush): void;
  /** A look at the inbox gave so many commands. */
  read(commands: number): void;
  /** It is durable what became of so many ticks of schedules; how late each of those started was. */
  ticked(outcome: 'started' | 'skipped' | 'failed', count: number, latenessesMs: readonly number[]): void;
  /** Durable events of a run that this process drives. */
  committed(events: readonly RunEvent[], run: CommittedRun): void;
}

/** The metrics of one process: its own, Node's, and what its dispatcher has made durable since it started. */
export function createMetrics({ gauges, onSlowStep, workflowsMax = 100 }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  createGauges(registry, gauges);
  const runs = new RunCounts(registry);
  const attempts = new AttemptCounts(registry);
  const claims = new ClaimDurations(registry);
  const flushes = new JournalFlushes(registry);
  const ticks = new ScheduleTicks(registry);
  const commands = new Counter({
    name: 'waybill_inbox_commands_total',
    help: 'Commands that looks at the inbox gave.',
    registers: [registry],
  });
  const refusals = new Counter({
    name: 'waybill_requests_refused_total',
    help: 'Requests told to come again, with 429 or 503, by code.',
    labelNames: ['code'],
    registers: [registry],
  });
  const steps = new StepDurations(registry, { onSlowStep, workflowsMax });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    claimed: (durationMs, runs) => claims.observe(durationMs, runs),
    flushed: (flush) => flushes.observe(flush),
    read: (count) => commands.inc(count),
    ticked: (outcome, count, latenessesMs) => ticks.observe(outcome, count, latenessesMs),
    refused: (code) => refusals.inc({ code }),
    committed(events, run) {
      for (const event of events) {
        runs.count(event);
        attempts.count(event);
        steps.observe(event, run);
      }
    },
  };
}
