import type { RunEvent } from '@waybill/engine';
import { stepEndOf } from '@waybill/protocol';
import { Counter, Histogram, type Registry } from 'prom-client';
import { bound } from './bound.ts';
import type { CommittedRun } from './metrics.ts';

/** A step that took longer than its `slowAfter`. */
export interface SlowStep {
  readonly runId: string;
  readonly workflowId: string;
  readonly stepId: string;
  readonly durationMs: number;
  readonly slowAfterMs: number;
}

interface WorkflowSeries {
  readonly durations: Histogram.Internal<'workflow'>;
  readonly slow: Counter.Internal;
}

/** Seconds: from a handler in the same rack to a person who answers tomorrow. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400];

/** How long completed steps took, by workflow. */
export class StepDurations {
  readonly #histogram: Histogram<'workflow'>;
  readonly #slow: Counter<'workflow'>;
  readonly #onSlowStep: (slow: SlowStep) => void;
  readonly #workflowsMax: number;
  readonly #series = new Map<string, WorkflowSeries>();
  #other: WorkflowSeries | null = null;

  constructor(
    registry: Registry,
    options: { readonly onSlowStep: (slow: SlowStep) => void; readonly workflowsMax: number },
  ) {
    const labelNames = ['workflow'] as const;
    const registers = [registry];
    this.#histogram = new Histogram({
      name: 'waybill_step_duration_seconds',
      help: 'Completed steps, from the start of the first attempt to the end.',
      labelNames,
      buckets,
      registers,
    });
    this.#slow = new Counter({
      name: 'waybill_slow_steps_total',
      help: 'Completed steps that took longer than their slowAfter.',
      labelNames,
      registers,
    });
    this.#onSlowStep = options.onSlowStep;
    this.#workflowsMax = options.workflowsMax;
  }

  observe(event: RunEvent, { state, info }: CommittedRun): void {
    const end = stepEndOf(state, event);
    if (end?.outcome !== 'completed') return;
    const { stepId, durationMs, slowAfterMs } = end;
    const { durations, slow } = this.#seriesOf(info.workflowId);
    durations.observe(durationMs / 1000);
    if (slowAfterMs === null) return;
    slow.inc();
    this.#onSlowStep({ runId: info.id, workflowId: info.workflowId, stepId, durationMs, slowAfterMs });
  }

  /** Labels stay for as long as the process lives: a client that makes up keys must not fill its memory. */
  #seriesOf(workflow: string): WorkflowSeries {
    const known = this.#series.get(workflow);
    if (known) return known;
    if (this.#series.size >= this.#workflowsMax) {
      this.#other ??= this.#bind('other');
      return this.#other;
    }
    const series = this.#bind(workflow);
    this.#series.set(workflow, series);
    return series;
  }

  #bind(workflow: string): WorkflowSeries {
    return { durations: this.#histogram.labels({ workflow }), slow: bound(this.#slow, { workflow }) };
  }
}
