import { connectDatabase } from '../../support/database.ts';
import { Cluster } from '../cluster.ts';
import { killedAt, points } from '../killed-at.ts';
import type { FaultRow, RowContext } from '../row.ts';

/** Points at which processes are killed at the same time, each on a database of its own. */
const lanes = 3;

export const r20: FaultRow = {
  id: 'R20',
  title: 'a process is killed at every failpoint, each one hit, and another goes on',
  short: { seconds: 0, runs: 0 },
  async run(context) {
    const cluster = await Cluster.start();
    try {
      return await killAtAll(cluster, context);
    } finally {
      await cluster.remove();
    }
  },
};

/** With `--runs`, so many of the points, chosen by the seed. */
async function killAtAll(cluster: Cluster, context: RowContext) {
  const chosen = context.random.shuffled(points).slice(0, context.runs || points.length);
  const left = [...chosen];
  const violations: string[] = [];
  const admin = connectDatabase(cluster.url);
  const lane = async () => {
    for (let point = left.pop(); point !== undefined; point = left.pop()) {
      const name = point.replaceAll(/[.:]/g, '_');
      await admin.unsafe(`create database ${name}`);
      const url = new URL(cluster.url);
      url.pathname = `/${name}`;
      const startedAt = performance.now();
      const found = await killedAt(point, url.href, context).catch((error: unknown) => [String(error)]);
      violations.push(...found.map((fault) => `${point}: ${fault}`));
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      context.note(
        `${point.padEnd(26)} ${found.length === 0 ? 'hit, and all is well' : 'WRONG'} (${seconds} s)`,
      );
      await admin.unsafe(`drop database ${name} with (force)`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  await admin.end();
  return { figures: { points: points.length, killed: chosen.length }, violations };
}
