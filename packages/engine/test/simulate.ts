import {
  type Command,
  createRunState,
  decide,
  dueDeliveries,
  evolve,
  openDeliveries,
  type Plan,
  type RunEvent,
  type RunState,
} from '../src/index.ts';
import { stepsToAdd } from './added-steps.ts';
import type { Action } from './arbitraries.ts';
import { permanent, success, transient } from './definitions.ts';
import { Driver, fold, nameOf, type Observer, snapshot } from './driver.ts';
import { Invariants } from './invariants.ts';

const carryOn: Action[] = [
  { kind: 'send', pick: 0 },
  { kind: 'succeed', pick: 0 },
  { kind: 'signal', pick: 0 },
  { kind: 'wake', pick: 0 },
];

/** Throws at what must not be. */
export interface Watcher extends Observer {
  /** After every commit. */
  committed(state: RunState): void;
  /** When nothing is left to send. */
  finish(state: RunState): void;
}

interface Interference {
  /** Starts of attempts are written late or never. */
  readonly isLazy: boolean;
  /** Commands that fit or do not fit are decided on, without being applied. */
  readonly asksAround: boolean;
  /** Who watches; `Invariants` when absent. */
  readonly invariants?: Watcher;
}

/** Drives one run by the actions and then to its end, checking after every transaction. Throws at the first fault. */
export function simulate(
  plan: Plan,
  actions: readonly Action[],
  { isLazy, asksAround, invariants = new Invariants(plan) }: Interference = {
    isLazy: false,
    asksAround: true,
  },
): Driver {
  const driver = new Driver(plan, invariants);
  const shadow = new Shadow(driver);
  const checkAll = () => {
    invariants.committed(driver.state);
    shadow.check();
  };
  const start = () => {
    driver.apply({ type: 'start' });
    checkAll();
  };
  for (const [index, action] of actions.entries()) {
    if (index === 1) start(); // the first action meets a pending run
    if (asksAround) checkDecisions(driver, action.pick);
    perform(driver, action, isLazy);
    checkAll();
  }
  start();
  // Every delivery still to come takes two actions.
  for (let left = 40 * driver.state.steps.length + 10; driver.state.phase !== 'done'; left--) {
    if (left === 0) throw new Error(`stuck: ${driver.state.state}, ${driver.state.phase}`);
    for (const action of carryOn) {
      perform(driver, action, isLazy);
      checkAll();
    }
  }
  invariants.finish(driver.state);
  return driver;
}

function perform(driver: Driver, { kind, pick }: Action, isLazy: boolean): void {
  const outcomes = { succeed: success, fail: transient, reject: permanent };
  switch (kind) {
    case 'send': {
      const delivery = choose([...driver.due.values()], pick);
      if (delivery && driver.send(delivery, isLazy && pick % 5 !== 1) !== null)
        throw new Error('a due delivery was refused');
      return;
    }
    case 'succeed':
    case 'fail':
    case 'reject': {
      const delivery = choose(openDeliveries(driver.state), pick);
      if (delivery && driver.end(delivery, outcomes[kind]) !== null) throw new Error('an answer was refused');
      return;
    }
    case 'lose': {
      const delivery = choose(openDeliveries(driver.state), pick);
      if (delivery && driver.lose(delivery) !== null) throw new Error('a loss was refused');
      return;
    }
    case 'succeedAdding':
    case 'failAdding': {
      const delivery = choose(openDeliveries(driver.state), pick);
      if (!delivery) return;
      const outcome = kind === 'succeedAdding' ? success : transient;
      if (driver.end(delivery, { ...outcome, addSteps: stepsToAdd(driver.state, pick) }) !== null)
        throw new Error('an answer was refused');
      return;
    }
    case 'add':
      return void driver.apply({ type: 'addSteps', commandId: 'c', steps: stepsToAdd(driver.state, pick) });
    case 'signal': {
      const waiting = driver.state.steps.filter(
        ({ plan, state }) => plan.kind === 'wait' && state === 'waiting',
      );
      const name = (choose(waiting, pick)?.plan ?? driver.plan.steps[0]!).definition.waitFor?.signal ?? 'go';
      return void driver.apply({ type: 'signal', commandId: 'c', name, payload: '1' });
    }
    case 'wake': {
      const step = choose([...driver.wakes.keys()], pick);
      if (step !== undefined) driver.wakeUp(step);
      return;
    }
    case 'wait':
      driver.now += 600;
      return;
    case 'takeOver':
      return driver.takeOver();
    case 'writeStarts':
      return driver.writeStarts();
    case 'timeOut':
      return void driver.apply({ type: 'timeOut' });
    case 'cancel':
      return void driver.apply({ type: 'cancel', commandId: 'c', compensate: pick % 2 === 0 });
    case 'skip':
    case 'complete': {
      const step = choose(driver.state.steps, pick)!.plan.id;
      const type = kind === 'skip' ? 'skipStep' : 'completeStep';
      return void driver.apply({ type, commandId: 'c', step });
    }
    case 'retry':
      return void driver.apply({ type: 'retry', commandId: 'c' });
    case 'quarantine':
      return void driver.apply({ type: 'quarantine', code: 'poison', message: 'it kills dispatchers' });
  }
}

function choose<T>(items: readonly T[], pick: number): T | undefined {
  return items[pick % items.length];
}

/** Any command in any state: no throw, the same decision twice, the state untouched. */
function checkDecisions(driver: Driver, pick: number): void {
  const { state, now } = driver;
  const before = snapshot(state);
  for (const command of someCommands(choose(state.plan.steps, pick)!.id, pick)) {
    const first = JSON.stringify(decide(state, command, now));
    if (first !== JSON.stringify(decide(state, command, now)))
      throw new Error(`${command.type} is decided twice`);
  }
  if (snapshot(state) !== before) throw new Error('decide changed the state');
}

function someCommands(known: string, pick: number): Command[] {
  const deliveries = ['step', 'compensation', 'hook'] as const;
  const names = deliveries.flatMap((delivery) =>
    [known, 'unknown', undefined].map((step) => ({ delivery, step })),
  );
  return [
    { type: 'start' },
    { type: 'loseAttempts' },
    { type: 'timeOut' },
    { type: 'cancel', commandId: 'c', compensate: true },
    { type: 'quarantine', code: 'poison', message: '' },
    ...names.map((name): Command => ({ type: 'startAttempt', ...name })),
    ...names.map((name): Command => ({ type: 'loseAttempt', ...name, attempt: pick % 4 })),
    ...names.map((name): Command => {
      return {
        type: 'endAttempt',
        ...name,
        attempt: pick % 4,
        outcome: choose([success, transient, permanent], pick)!,
      };
    }),
  ];
}

/** A second state that only folds what the journal got, as a new owner would. */
class Shadow {
  readonly #driver: Driver;
  readonly #state;
  #folded = 0;

  constructor(driver: Driver) {
    this.#driver = driver;
    this.#state = createRunState(driver.plan, driver.state.runId, driver.state.context);
  }

  check(): void {
    const { journal, state, due, lazyStarts } = this.#driver;
    for (; this.#folded < journal.length; this.#folded++) {
      evolve(this.#state, JSON.parse(JSON.stringify(journal[this.#folded])) as RunEvent);
    }
    // Of a start not yet written a new owner knows nothing: it would send that delivery itself.
    const refolded = dueDeliveries(this.#state).map(nameOf).sort();
    const live = [...due.keys(), ...lazyStarts.keys()].sort();
    if (String(refolded) !== String(live))
      throw new Error(`due is ${live}; a new owner would send ${refolded}`);
    if (lazyStarts.size === 0 && snapshot(this.#state) !== snapshot(state))
      throw new Error('the fold of the journal is another state');
  }
}

export function foldsAlike(driver: Driver, journal: readonly RunEvent[]): boolean {
  return snapshot(fold(driver.plan, journal)) === snapshot(driver.state);
}
