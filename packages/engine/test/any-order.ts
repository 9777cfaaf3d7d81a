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
    const moves = movesOf(driver, answers);
    if (moves.length === 0) throw new Error(`stuck: ${driver.state.phase}`);
    moves[hash32(`${order}:${turn}`) % moves.length]!();
  }
  return driver;
}

/** Everything that could happen next: a wait gets its signal unless it has a timeout, which then comes. */
function movesOf(driver: Driver, answers: number): (() => void)[] {
  const { due, wakes, state } = driver;
  const waits = [...state.openWaits].map((index) => state.plan.steps[index]!);
  const signalled = waits.filter(({ id }) => !wakes.has(id));
  return [
    ...[...due.values()].map((delivery) => () => void driver.send(delivery)),
    ...openDeliveries(state).map((delivery) => () => end(driver, delivery, answers)),
    ...[...wakes.keys()].map((step) => () => driver.wakeUp(step)),
    ...signalled.map(
      ({ id, definition }) =>
        () =>
          signal(driver, id, definition.waitFor!.signal),
    ),
  ];
}

function signal(driver: Driver, step: string, name: string): void {
  driver.apply({ type: 'signal', commandId: 'c', name, step, payload: '"signal"' });
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
