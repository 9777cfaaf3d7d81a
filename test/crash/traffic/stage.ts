import { connectDatabase, type TestSql } from '../../support/database.ts';
import { findViolations } from '../../support/oracle.ts';
import { pause } from '../caller.ts';
import { Cluster } from '../cluster.ts';
import { observe } from '../evidence.ts';
import { Fleet, type Role } from '../fleet.ts';
import type { RowContext, RowReport } from '../row.ts';
import { LoadClient } from './client.ts';
import { LoadHandlers } from './handlers.ts';

export interface StageOptions {
  readonly roles: readonly Role[];
  readonly env?: Readonly<Record<string, string>>;
  readonly postgres?: Record<string, string>;
}

/** Real processes on a database of their own, handlers and a client: what the rows of load play on. */
export class Stage {
  readonly cluster: Cluster;
  readonly fleet: Fleet;
  readonly handlers: LoadHandlers;
  readonly client: LoadClient;
  readonly sql: TestSql;
  readonly context: RowContext;
  #lastFaultAtMs = Date.now();

  /** Plays, and takes everything down again. */
  static async play(
    context: RowContext,
    options: StageOptions,
    act: (stage: Stage) => Promise<RowReport>,
  ): Promise<RowReport> {
    const [cluster, handlers] = await Promise.all([Cluster.start(options.postgres), LoadHandlers.start()]);
    const fleet = await Fleet.start({
      ...{ databaseUrl: cluster.url, handlersUrl: handlers.url, roles: options.roles },
      env: options.env ?? {},
    });
    const stage = new Stage({ context, cluster, fleet, handlers });
    try {
      return await act(stage);
    } finally {
      stage.client.close();
      await stage.sql.end();
      await fleet.end();
      await handlers.stop();
      await cluster.remove();
    }
  }

  private constructor({ context, cluster, fleet, handlers }: StageParts) {
    this.context = context;
    this.cluster = cluster;
    this.fleet = fleet;
    this.handlers = handlers;
    this.client = new LoadClient(() => fleet.urls()[0]!, fleet.apiKey);
    this.sql = connectDatabase(cluster.url);
  }

  /** Of the first process of the role, by name and labels. */
  async metrics(of: Role): Promise<ReadonlyMap<string, number>> {
    const [slot] = this.fleet.of(of);
    const text = await (await fetch(`${slot!.healthUrl}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(/\S+$/.exec(line))]));
  }

  /** What made things hard is over. */
  calm(): void {
    this.#lastFaultAtMs = Date.now();
  }

  async runsLeft(): Promise<number> {
    const [row] = await this.sql<{ left: number }[]>`select count(*)::int as left from run_queue`;
    return row!.left;
  }

  /** Until the queue is empty, or it is too late. Answers the seconds that took. */
  async drained(secondsMax: number): Promise<number> {
    const startedAt = performance.now();
    while (performance.now() - startedAt < secondsMax * 1000 && (await this.runsLeft()) > 0) await pause(200);
    return (performance.now() - startedAt) / 1000;
  }

  /** I1–I8 over all runs. */
  async violations(settleMsMax = 30_000): Promise<string[]> {
    const { runs, observedAtMs, violations } = await observe(this.cluster.url);
    return [
      ...violations,
      ...this.fleet.deaths(),
      ...(this.client.mute > 0
        ? [`${this.client.mute} refusals with 429 or 503 did not say when to come again`]
        : []),
      ...findViolations({
        acknowledgements: this.client.acknowledgements,
        requests: this.handlers.requests,
        ...{ runs, observedAtMs, settleMsMax },
        lastFaultAtMs: this.#lastFaultAtMs,
      }),
    ];
  }
}

interface StageParts {
  readonly context: RowContext;
  readonly cluster: Cluster;
  readonly fleet: Fleet;
  readonly handlers: LoadHandlers;
}

/** Of unsorted numbers. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

/** Of the same definition, chained. */
export function chain(key: string, urls: readonly string[], fields: object = {}): object {
  const steps = urls.map((url, index) => ({
    ...{ id: `s${index + 1}`, url },
    ...(index > 0 ? { dependsOn: `s${index}` } : {}),
  }));
  return { id: key, steps, ...fields };
}
