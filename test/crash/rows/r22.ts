import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TcpProxy } from '../../support/tcp-proxy.ts';
import { pause } from '../caller.ts';
import { campaign, type Fault, type Scene } from '../campaign.ts';
import { Cluster } from '../cluster.ts';
import { green, probeWhile, readsWent } from '../probe.ts';
import { type FaultRow, prefixed, type RowContext, type RowReport } from '../row.ts';

const stallMs = 30_000;
const fullMs = 20_000;

export const r22: FaultRow = {
  id: 'R22',
  title: 'commits that hang for 30 s; a full disk',
  short: { seconds: 25, runs: 50 },
  mounts: true,
  async run(context) {
    const stalled = await stall(context);
    const full = await disk(context);
    return {
      figures: { ...prefixed('stall: ', stalled.figures), ...prefixed('disk: ', full.figures) },
      violations: [...stalled.violations, ...full.violations],
    };
  },
};

async function stall(context: RowContext): Promise<RowReport> {
  let proxy: TcpProxy | undefined;
  const figures: Record<string, string> = {};
  const fault: Fault = {
    kind: 'hanging commits',
    async strike(scene) {
      const until = performance.now() + stallMs;
      proxy!.stallWrites(true);
      const probed = await probeWhile(scene, () => performance.now() < until);
      proxy!.stallWrites(false);
      readsWent(probed);
      await told(scene, figures, probed);
    },
  };
  try {
    return await campaign(context, {
      faults: [fault],
      everyMs: [5000, 5000],
      async between(databaseUrl) {
        proxy = await TcpProxy.start(databaseUrl);
        return proxy.url;
      },
      figures: () => figures,
    });
  } finally {
    await proxy?.close();
  }
}

async function told(
  scene: Scene,
  figures: Record<string, string>,
  { starts, slowestStartMs, slowestReadMs, redAfterMs }: Awaited<ReturnType<typeof probeWhile>>,
): Promise<void> {
  const seconds = (ms: number | null) => `${((ms ?? 0) / 1000).toFixed(1)} s`;
  figures['starts meanwhile'] = [...starts].map(([status, n]) => `${n} × ${status}`).join(', ');
  figures['slowest start and read'] = `${seconds(slowestStartMs)}, ${seconds(slowestReadMs)}`;
  figures['health red after'] = seconds(redAfterMs);
  figures['health green after'] = seconds(await green(scene));
}

/** A database that checkpoints often, on so little disk that its log alone could fill it. */
const smallDatabase = {
  ...{ shared_buffers: '32MB', max_wal_size: '64MB', min_wal_size: '32MB', checkpoint_timeout: '30s' },
};

async function disk(context: RowContext): Promise<RowReport> {
  const directory = mkdtempSync(join(tmpdir(), 'waybill-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m,mode=755', 'tmpfs', directory]);
  const ballast = join(directory, 'ballast');
  const figures: Record<string, string> = {};
  const fault: Fault = {
    kind: 'full disk',
    async strike(scene) {
      fill(directory, ballast);
      const until = performance.now() + fullMs;
      try {
        // Segments of its log that are there already may do for a while.
        const isOn = () => {
          fill(directory, `${ballast}-2`);
          return performance.now() < until;
        };
        const probed = await probeWhile(scene, isOn, fullMs);
        empty(ballast);
        // Where even its log finds no place PostgreSQL stops; starting it again is for whoever made room.
        figures['database ended by itself'] = String(scene.cluster.hasEnded);
        if (scene.cluster.hasEnded) await scene.cluster.restart();
        await told(scene, figures, probed);
      } finally {
        empty(ballast);
        await pause(0);
      }
    },
  };
  try {
    return await campaign(context, {
      ground: () => Cluster.start(smallDatabase, directory),
      ...{ faults: [fault], everyMs: [5000, 5000] },
      figures: () => figures,
    });
  } finally {
    execFileSync('umount', [directory]);
    rmdirSync(directory);
  }
}

/** To the last page, with whoever else writes there. */
function fill(directory: string, file: string): void {
  const { bavail, bsize } = statfsSync(directory);
  try {
    if (bavail > 0) writeFileSync(file, Buffer.alloc(bavail * bsize, 1), { flag: 'a' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

function empty(ballast: string): void {
  for (const file of [ballast, `${ballast}-2`]) rmSync(file, { force: true });
}
