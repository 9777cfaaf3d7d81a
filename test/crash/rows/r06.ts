import { TcpProxy } from '../../support/tcp-proxy.ts';
import { pause, until } from '../caller.ts';
import { campaign, type Fault } from '../campaign.ts';
import { killOf } from '../faults.ts';
import { PgBouncer } from '../pgbouncer.ts';
import { PickUps } from '../pick-ups.ts';
import { type FaultRow, prefixed, type RowContext, type RowReport } from '../row.ts';

const relistenMsMax = 15_000;
const listener = 'waybill listener';

export const r06: FaultRow = {
  id: 'R6',
  title: 'LISTEN silently dead; everything behind PgBouncer in transaction mode',
  short: { seconds: 20, runs: 100 },
  packages: ['pgbouncer'],
  async run(context) {
    const silent = await silentListeners(context);
    const pooled = await behindPgBouncer(context);
    return {
      figures: { ...prefixed('LISTEN dead: ', silent.figures), ...prefixed('PgBouncer: ', pooled.figures) },
      violations: [...silent.violations, ...pooled.violations],
    };
  },
};

async function silentListeners(context: RowContext): Promise<RowReport> {
  let proxy: TcpProxy | undefined;
  let slowestMs = 0;
  const pickUps = new PickUps();
  const fault: Fault = {
    kind: 'silent LISTEN',
    async strike(scene) {
      const { fleet } = scene;
      let startedAt = Number.NaN;
      const begin = () => {
        startedAt = performance.now();
        proxy!.freeze(listener);
      };
      // Of what is sent while there is no listener at all.
      const looking = pickUps.look(scene, begin, () => proxy!.named(listener) === 0);
      await until(
        () => !Number.isNaN(startedAt),
        relistenMsMax,
        'the runs that are to wait did not get there',
      );
      // One of each process: the others are there all the time.
      while (proxy!.named(listener) < fleet.slots.length) {
        if (performance.now() - startedAt > relistenMsMax) {
          throw new Error(`${proxy!.named(listener)} listeners after ${relistenMsMax} ms`);
        }
        await pause(20);
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      await looking;
    },
  };
  try {
    return await campaign(context, {
      faults: [fault],
      everyMs: [3000, 6000],
      async between(databaseUrl) {
        proxy = await TcpProxy.start(databaseUrl);
        return proxy.url;
      },
      after: async () => pickUps.violations(),
      figures: () => ({
        'new LISTEN after at most': `${(slowestMs / 1000).toFixed(1)} s`,
        ...pickUps.figures(),
      }),
    });
  } finally {
    await proxy?.close();
  }
}

async function behindPgBouncer(context: RowContext): Promise<RowReport> {
  let bouncer: PgBouncer | undefined;
  const pickUps = new PickUps();
  // Nobody hears a hint there: every one of them counts.
  const look: Fault = {
    kind: 'looks at what polling finds',
    strike: (scene) =>
      pickUps.look(
        scene,
        () => {},
        () => true,
      ),
  };
  try {
    return await campaign(context, {
      faults: [killOf('api'), killOf('dispatch'), look],
      everyMs: [3000, 6000],
      after: async () => pickUps.violations(),
      figures: () => pickUps.figures(),
      async between(databaseUrl) {
        bouncer = await PgBouncer.start(databaseUrl);
        return bouncer.url;
      },
    });
  } finally {
    await bouncer?.stop();
  }
}
