import { TcpProxy } from '../../support/tcp-proxy.ts';
import { pause } from '../caller.ts';
import { campaign, type Fault, type Scene } from '../campaign.ts';
import { killOf } from '../faults.ts';
import type { FaultRow } from '../row.ts';
import {
  missingTicks,
  putSchedule,
  type ScheduleSpec,
  startedTicks,
  tickFaults,
  type WatchedSchedule,
} from '../schedules.ts';

const lostShare = 0.05;
const schedulers = ['dispatch', 'dispatch', 'dispatch'] as const;

/** Nobody schedules for a while. */
const killOfAll: Fault = {
  kind: 'SIGKILL of all three schedulers',
  async strike({ fleet, random }) {
    const slots = fleet.of('dispatch');
    await Promise.all(slots.map((slot) => fleet.kill(slot)));
    await pause(random.between(0, 3000));
    await Promise.all(slots.map((slot) => fleet.fill(slot)));
  },
};

export const r23: FaultRow = {
  id: 'R23',
  title: 'three schedulers are killed, one by one and all at once, and answers of the database are lost',
  short: { seconds: 25, runs: 0 },
  async run(context) {
    const chance = context.random.fork('answers');
    let isOn = false;
    let proxy: TcpProxy | undefined;
    const watch = new Watch();
    try {
      return await campaign(context, {
        roles: ['api', ...schedulers],
        faults: [killOf('dispatch'), killOf('api'), killOf('dispatch'), killOfAll],
        everyMs: [2000, 5000],
        startsPerSecondMax: 5,
        async between(databaseUrl) {
          proxy = await TcpProxy.start(databaseUrl, { losesAnswer: () => isOn && chance.chance(lostShare) });
          return proxy.url;
        },
        async before(scene) {
          await watch.open(scene);
          isOn = true;
        },
        async whenLoadEnds() {
          isOn = false;
          await watch.close();
        },
        after: () => watch.faults(),
        figures: () => ({ ...watch.figures(), 'answers lost': proxy!.losses }),
      });
    } finally {
      await proxy?.close();
    }
  },
};

const caughtUpMsMax = 20_000;

/** The schedules of the row, from their creation to the oracle. */
class Watch {
  #scene: Scene | null = null;
  #schedules: readonly WatchedSchedule[] = [];
  #untilMs = 0;
  #caughtUpMs = 0;
  #started: ReadonlyMap<string, readonly number[]> = new Map();

  async open(scene: Scene): Promise<void> {
    this.#scene = scene;
    const steps = [{ id: 'a', url: '/slow' }];
    await scene.caller.call('PUT', '/v1/workflows/ticked', { id: 'ticked', steps });
    const specs = [...specsOf()];
    this.#schedules = await Promise.all(
      specs.map(({ everyMs, ...spec }) => putSchedule(scene.caller, spec, everyMs)),
    );
    scene.context.note(`${specs.length} schedules, by ${schedulers.length} schedulers`);
  }

  /** No fault is struck any more: what is missing is caught up with, and then nothing more may come. */
  async close(): Promise<void> {
    const { caller, cluster } = this.#scene!;
    this.#untilMs = Date.now();
    const isCaughtUp = async () => {
      const started = await startedTicks(cluster.url);
      const whole = this.#schedules.filter(({ isWhole }) => isWhole);
      return whole.every(
        (each) => missingTicks(each, started.get(each.id) ?? [], this.#untilMs).length === 0,
      );
    };
    while (!(await isCaughtUp()) && Date.now() < this.#untilMs + caughtUpMsMax) await pause(100);
    this.#caughtUpMs = Date.now() - this.#untilMs;
    for (const { id } of this.#schedules) await caller.call('POST', `/v1/schedules/${id}/pause`, {});
  }

  async faults(): Promise<string[]> {
    const { cluster } = this.#scene!;
    this.#started = await startedTicks(cluster.url);
    return this.#schedules.flatMap((each) => [
      ...tickFaults(each, this.#started.get(each.id) ?? [], this.#untilMs),
    ]);
  }

  figures(): Record<string, number | string> {
    const ticks = [...this.#started.values()].reduce((sum, times) => sum + times.length, 0);
    return {
      schedules: this.#schedules.length,
      'runs of ticks': ticks,
      'caught up after the load': `${(this.#caughtUpMs / 1000).toFixed(1)} s`,
    };
  }
}

function* specsOf(): Generator<ScheduleSpec & { readonly everyMs: number }> {
  const workflow = 'ticked';
  const whole = { workflow, catchUp: 'all' } as const;
  for (let n = 1; n <= 10; n++) yield { ...whole, id: `every-${n}`, every: '1s', everyMs: 1000 };
  for (let n = 1; n <= 4; n++) yield { ...whole, id: `cron-${n}`, cron: '*/2 * * * * *', everyMs: 2000 };
  const timeZone = 'America/St_Johns';
  yield { ...whole, id: 'zone', cron: '*/5 * * * * *', timeZone, everyMs: 5000 };
  yield { ...whole, id: 'minute', cron: '* * * * *', timeZone, everyMs: 60_000 };
  yield { ...whole, id: 'latest-1', catchUp: 'latest', every: '1s', everyMs: 1000 };
  yield { ...whole, id: 'latest-2', catchUp: 'latest', cron: '* * * * * *', everyMs: 1000 };
  yield { ...whole, id: 'none', catchUp: 'none', every: '1s', everyMs: 1000 };
}
