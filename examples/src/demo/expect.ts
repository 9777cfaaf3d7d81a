import { deepStrictEqual } from 'node:assert/strict';
import type { RunStatus } from '@waybill/sdk';
import type { Exchange } from '../exchange.ts';

interface Seen {
  readonly run: RunStatus;
  readonly exchanges: readonly Exchange[];
}

/** The order is processed, with one retry, and onComplete is told. */
export function expectProcessed({ run, exchanges }: Seen): void {
  equal('state of order-processing', run.state, 'completed');
  equal('requests of order-processing', exchanges.map(shortly), [
    'validate 1 200',
    'reserve-inventory 1 200',
    'process-payment 1 503',
    'process-payment 2 200',
    'create-shipment 1 200',
    'send-confirmation 1 200',
    'workflow.completed 1 200',
  ]);
}

/** The shipment fails, what was done is undone from the last to the first, and onError is told. */
export function expectCompensated({ run, exchanges }: Seen): void {
  equal('state of order-saga', run.state, 'failed');
  equal('requests of order-saga', exchanges.map(shortly), [
    'reserve-inventory 1 200',
    'charge-payment 1 200',
    'create-shipment 1 200',
    'compensation of charge-payment 1 200',
    'compensation of reserve-inventory 1 200',
    'workflow.failed 1 200',
  ]);
  equal('failed steps of order-saga', run.failedSteps, ['create-shipment']);
  equal('skipped steps of order-saga', run.skippedSteps, ['notify-customer']);
  equal(
    'compensations of order-saga',
    run.compensation.map(({ stepId, state }) => `${stepId} ${state}`),
    ['charge-payment completed', 'reserve-inventory completed'],
  );
}

function shortly({ stepId, type, attempt, status }: Exchange): string {
  const name = stepId === null ? type : type === null ? stepId : `${type} of ${stepId}`;
  return `${name} ${attempt} ${status}`;
}

function equal(what: string, actual: unknown, expected: unknown): void {
  const was = JSON.stringify(actual, null, 2);
  deepStrictEqual(actual, expected, `${what}: expected ${JSON.stringify(expected, null, 2)}, saw ${was}`);
}
