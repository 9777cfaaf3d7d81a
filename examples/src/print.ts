import type { RunStatus } from '@waybill/sdk';
import type { Exchange } from './exchange.ts';

const nameWidth = 20;

export function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function printHeader(): void {
  say(`  ${'step'.padEnd(nameWidth)}  attempt  answer     ms`);
}

/** `  process-payment            1     503    1.2  the payment provider is busy` */
export function printExchange(exchange: Exchange): void {
  const { attempt, status, durationMs } = exchange;
  const columns = [
    nameOf(exchange).padEnd(nameWidth),
    String(attempt).padStart(7),
    String(status).padStart(6),
    durationMs.toFixed(1).padStart(5),
  ];
  say(`  ${columns.join('  ')}  ${noteOf(exchange)}`.trimEnd());
}

function nameOf({ stepId, type, route }: Exchange): string {
  if (stepId === null) return route === 'workflow-complete' ? 'onComplete' : 'onError';
  return type === 'compensation' ? route : stepId;
}

function noteOf({ stepId, type, status, error, retryable }: Exchange): string {
  if (stepId === null) return `${type}, ${status === 200 ? 'signature verified' : 'signature refused'}`;
  if (error !== null) return `${retryable ? 'not yet' : 'failed'}: ${error}`;
  return type === 'compensation' ? `undoes ${stepId}` : '';
}

/** The last line of a run. */
export function printStatus(run: RunStatus): void {
  const seconds = ((Date.parse(run.completedAt!) - Date.parse(run.startedAt!)) / 1000).toFixed(2);
  // Instances of a `forEach` are listed with the steps, and are none.
  const total = run.steps.filter(({ index }) => index === undefined).length;
  const steps = `${run.completedSteps.length} of ${total} steps completed`;
  say(`  ${run.id} ${run.state} in ${seconds} s: ${steps}${failureOf(run)}`);
}

function failureOf({ error, compensation }: RunStatus): string {
  if (!error) return '';
  const undone = compensation.filter(({ state }) => state === 'completed').length;
  const step = error.stepId === undefined ? '' : `${error.stepId} failed, `;
  return `, ${step}${undone} of ${compensation.length} compensated`;
}
