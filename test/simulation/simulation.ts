import { createHash } from 'node:crypto';
import { findViolations } from '../support/oracle.ts';
import { Catalogue } from './catalogue.ts';
import { Customers } from './customers.ts';
import { evidenceOf, hasReliableDatabase } from './evidence.ts';
import { Faults } from './faults.ts';
import { Fleet } from './fleet.ts';
import { Handlers } from './handlers.ts';
import { ModelDatabase } from './model/database.ts';
import { ModelServer } from './model/link.ts';
import { Random } from './random.ts';
import { Standstills } from './standstill.ts';
import { drawSwarm, type FaultKind, type Swarm, without } from './swarm.ts';
import { World } from './world.ts';

export interface Reduction {
  /** Kinds that are left out. */
  readonly kinds: ReadonlySet<FaultKind>;
  /** Runs that are started, at most. */
  readonly runsMax: number;
}

export const whole: Reduction = { kinds: new Set(), runsMax: 100 };

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly log: readonly string[];
  /** Of the log. */
  readonly hash: string;
  readonly swarm: Swarm;
  readonly injected: ReadonlyMap<FaultKind, number>;
  readonly runs: number;
  readonly requests: number;
  readonly virtualMs: number;
  readonly happened: number;
}

const startMs = Date.UTC(2030, 0, 1);
const calmMsMax = 3_600_000;
/** After the end of everything, for what should not come any more. */
const afterglowMs = 40_000;

/** One simulation: a safety phase in which everything goes wrong, then a calm in which everything must end. */
export async function simulate(seed: number, reduction: Reduction = whole): Promise<SimulationResult> {
  const scene = setUp(seed, reduction);
  const { world, database, customers, fleet, faults } = scene;
  const onCrash = (error: unknown) => world.crashed(error);
  process.on('unhandledRejection', onCrash);
  try {
    await world.run(startMs + scene.safetyMs);
    world.note('calm');
    faults.isCalm = true;
    fleet.calm();
    const calmFromMs = world.nowMs;
    const standstills = new Standstills(scene);
    standstills.watch();
    for (const afterMs of [1000, 30_000]) world.after(afterMs, () => void customers.resumeAll());
    const isOver = () => database.queue.size === 0 && !customers.isBusy;
    await world.run(calmFromMs + calmMsMax, isOver);
    await world.run(world.nowMs + afterglowMs);
    return resultOf(seed, scene, judge({ ...scene, calmFromMs, standstills: standstills.violations }));
  } finally {
    process.off('unhandledRejection', onCrash);
  }
}

type Scene = ReturnType<typeof setUp>;

function setUp(seed: number, { kinds, runsMax }: Reduction) {
  const random = new Random(seed);
  const world = new World(startMs);
  const swarm = without(drawSwarm(random.fork('swarm')), kinds);
  const faults = new Faults(swarm, random.fork('faults'));
  const database = new ModelDatabase(() => world.nowMs);
  const server = new ModelServer(database);
  const catalogue = new Catalogue(random.fork('catalogue'), 4);
  const handlers: Handlers = new Handlers({
    ...{ world, faults, random: random.fork('handlers') },
    onCallback: (callback) => void world.after(callback.afterMs, () => customers.callBack(callback)),
  });
  const fleet = new Fleet({ world, server, faults, handlers, catalogue, random: random.fork('fleet') });
  const customers = new Customers({
    ...{ world, faults, catalogue, database, random: random.fork('customers') },
    node: () => fleet.usable(),
  });

  const safetyMs = random.pick([20_000, 40_000, 90_000]);
  fleet.launch(random.int(1, 4));
  const starts = random.fork('starts');
  const runs = starts.int(2, 10);
  for (let index = 0; index < runs; index++) {
    const uuid = starts.uuid(startMs + index);
    const key = starts.pick(catalogue.keys);
    const atMs = starts.between(0, safetyMs * 0.7);
    if (index < runsMax) world.after(atMs, () => void customers.start(uuid, key));
  }
  askAround(world, { faults, customers, random: random.fork('commands'), runs, safetyMs });
  return { world, swarm, faults, database, catalogue, handlers, fleet, customers, safetyMs };
}

type Judged = Scene & { readonly calmFromMs: number; readonly standstills: readonly string[] };

function judge(scene: Judged): string[] {
  const { world, database, fleet, standstills } = scene;
  try {
    // What is due is looked for all along; here, that everything ends: sleeps, waits and timeouts take their time.
    const evidence = { ...evidenceOf(scene), settleMsMax: calmMsMax - 60_000 };
    const misjudged = database.misjudged.map(
      (uuid) => `misjudged: run ${uuid} was quarantined before three dispatchers had died`,
    );
    const strays = scene.handlers.strays.map((stray) => `I7 ${stray}, which did not own it`);
    const overlooked = hasReliableDatabase(scene.faults)
      ? database.overlooked.map((step) => `I6 ${step} timed out with its callback in the inbox`)
      : [];
    return [
      ...[
        ...world.crashes,
        ...standstills,
        ...findViolations(evidence),
        ...strays,
        ...overlooked,
        ...misjudged,
      ],
      ...fleet.leftovers(),
    ];
  } catch (error) {
    // A journal that does not fold, for one.
    world.crashed(error);
    return [...new Set(world.crashes)];
  }
}

function resultOf(seed: number, scene: Scene, violations: readonly string[]): SimulationResult {
  const { world, swarm, faults, database, handlers } = scene;
  return {
    ...{ seed, violations, swarm, log: world.log, injected: faults.injected },
    hash: createHash('sha256').update(world.log.join('\n')).digest('hex'),
    runs: database.runs.size,
    requests: handlers.requests.length,
    virtualMs: world.nowMs - startMs,
    happened: world.happened,
  };
}

interface Asking {
  readonly faults: Faults;
  readonly customers: Customers;
  readonly random: Random;
  readonly runs: number;
  readonly safetyMs: number;
}

const commandKinds = ['cancel', 'pause', 'retry', 'signal', 'byHand', 'addSteps', 'resendHook'] as const;

/** Commands at random times to random runs, as many of each kind as its rate says. */
function askAround(world: World, { faults, customers, random, runs, safetyMs }: Asking): void {
  for (const kind of commandKinds) {
    const own = random.fork(kind);
    const count = Math.round(faults.rateOf(kind) * runs * 1.5);
    for (let index = 0; index < count; index++) {
      world.after(own.between(500, safetyMs), () => customers.command(kind));
    }
  }
}
