import {
  type Delivery,
  hash32,
  hashFraction,
  type Outcome,
  openDeliveries,
  type Plan,
} from '../src/index.ts';
import { permanent, transient } from './definitions.ts';
import { Driver } from './driver.ts';

/** Runs to the end; `order` decides what is sent and answered next, `answers` what is answered. */
export function runInOrder(plan: Plan, answers: number, order: number): Driver {
  const driver = new Driver(plan);
  driver.apply({ type: 'start' });
  for (let turn = 0; driver.state.phase !== 'done'; turn++) {
    const due = [...driver.due.values()];
    const open = openDeliveries(driver.state);
    if (due.length + open.length === 0) throw new Error(`stuck: ${driver.state.phase}`);
    const pick = hash32(`${order}:${turn}`) % (due.length + open.length);
    const toSend = due[pick];
    if (toSend) driver.send(toSend);
    else end(driver, open[pick - due.length]!, answers);
  }
  return driver;
}

function end(driver: Driver, delivery: Delivery, answers: number): void {
  driver.end(
    delivery,
    answerTo(`${driver.nameOf(delivery)} ${delivery.attempts}`, delivery.attempts, answers),
  );
}

/** Later attempts are kinder, so that rounds of policy `retry` help. */
function answerTo(name: string, attempt: number, answers: number): Outcome {
  const fate = hashFraction(`${answers}:${name}`) / attempt;
  if (fate > 0.8) return permanent;
  return fate > 0.6 ? transient : { kind: 'success', result: JSON.stringify(name) };
}

/** What a reader of the run sees, times and order aside. */
export function statusOf({ state }: Driver): unknown {
  return {
    state: state.state,
    error: state.error,
    rounds: state.rounds,
    steps: state.steps.map(({ plan: { id }, state, reason, result, error, delivery }) => {
      return { id, state, reason, result, error, attempts: delivery?.attempts };
    }),
  };
}
