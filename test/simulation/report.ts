import { uuidOfId } from '@waybill/protocol';
import type { Shrunk } from './shrink.ts';
import type { SimulationResult } from './simulation.ts';
import { type FaultKind, faultKinds, type Swarm } from './swarm.ts';

const logLinesMax = 120;

/** Sums over many simulations. */
export class Tally {
  readonly #injected = new Map<FaultKind, number>();
  #seeds = 0;
  #replayed = 0;
  #runs = 0;
  #requests = 0;
  #virtualMs = 0;
  #happened = 0;
  readonly #startedAt = performance.now();

  add(result: SimulationResult): void {
    this.#seeds++;
    this.#runs += result.runs;
    this.#requests += result.requests;
    this.#virtualMs += result.virtualMs;
    this.#happened += result.happened;
    for (const [kind, count] of result.injected) {
      this.#injected.set(kind, (this.#injected.get(kind) ?? 0) + count);
    }
  }

  replayed(): void {
    this.#replayed++;
  }

  lines(): string[] {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const hours = this.#virtualMs / 3_600_000;
    return [
      `${this.#seeds} seeds in ${seconds.toFixed(1)} s: ${(this.#seeds / seconds).toFixed(1)} seeds/s; ` +
        `each twice, ${this.#replayed} with the same log`,
      `${this.#runs} runs, ${this.#requests} requests, ${this.#happened} happenings in ${hours.toFixed(0)} h of virtual time`,
      'faults and commands injected:',
      ...faultKinds.map((kind) => `  ${kind.padEnd(22)} ${this.#injected.get(kind) ?? 0}`),
    ];
  }
}

/** What failed, how to see it again, and the least that still fails. */
export function describeFailure(
  { seed, violations, swarm }: SimulationResult,
  shrunk: Shrunk | null,
): string[] {
  return [
    `seed ${seed} FAILED. See it again: npm run simulate -- --seed ${seed}`,
    ...violations.slice(0, 20).map((sentence) => `  ${sentence}`),
    `  rates: ${describeSwarm(swarm)}`,
    ...(shrunk === null ? [] : describeShrunk(shrunk)),
  ];
}

function describeShrunk({ reduction, result }: Shrunk): string[] {
  const names = result.violations.join(' ').match(/run_[0-9a-z]+/g) ?? [];
  // Logs have the last characters of ids, in either form.
  const marks = [...new Set(names)].flatMap((name) =>
    [name, uuidOfId('run', name) ?? name].map((id) => id.slice(-6)),
  );
  const all = result.log.filter((line) => isOfInterest(line, marks));
  const log = all.length > 0 ? all : result.log;
  const left = log.length > logLinesMax ? [`    … ${log.length - logLinesMax} lines before`] : [];
  return [
    `  shrunk: ${reduction.runsMax} run(s) at most; rates: ${describeSwarm(result.swarm)}`,
    ...result.violations.slice(0, 5).map((sentence) => `    ${sentence}`),
    ...left,
    ...log.slice(-logLinesMax).map((line) => `    ${line}`),
  ];
}

function isOfInterest(line: string, marks: readonly string[]): boolean {
  if (marks.some((mark) => line.includes(mark))) return true;
  return /killed|stops for|continues|drained|exits|database down|lease|calm/.test(line);
}

function describeSwarm(swarm: Swarm): string {
  const on = faultKinds.filter((kind) => swarm[kind] > 0);
  return on.map((kind) => `${kind} ${swarm[kind].toPrecision(2)}`).join(', ') || 'none';
}
