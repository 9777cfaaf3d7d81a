import { existsSync } from 'node:fs';
import { campaign, type Scene } from '../campaign.ts';
import { killOf } from '../faults.ts';
import type { FaultRow } from '../row.ts';

/** `faketime` of Debian; its other variant is for programs of one thread. */
const library = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`;
const skewMs = 300_000;

export const r09: FaultRow = {
  id: 'R9',
  title: 'the clocks of the processes are five minutes ahead and behind',
  short: { seconds: 25, runs: 150 },
  packages: ['faketime'],
  async run(context) {
    if (!existsSync(library)) throw new Error('R9 needs libfaketime: apt-get install faketime');
    let skews: readonly number[] = [];
    return campaign(context, {
      faults: [killOf('dispatch')],
      everyMs: [8000, 12_000],
      isAudited: true,
      envOf: (slot) => ({
        LD_PRELOAD: library,
        FAKETIME: slot.endsWith('1') ? '+5m' : '-5m',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      }),
      async before(scene) {
        skews = await skewsOf(scene);
        const isSkewed = skews.every((ms) => Math.abs(Math.abs(ms) - skewMs) < 10_000);
        if (!isSkewed) throw new Error(`the clocks are not as they should be: ${skews.join(', ')} ms`);
      },
      after: async ({ mock }) =>
        mock.skews.filter((ms) => Math.abs(ms) > 10_000).length > 0
          ? ['requests were signed for another time']
          : [],
      figures: () => ({ 'clocks ahead by': skews.map((ms) => `${Math.round(ms / 1000)} s`).join(', ') }),
    });
  },
};

/** By the `date` of their answers. */
async function skewsOf({ fleet }: Scene): Promise<number[]> {
  const urls = fleet.slots.flatMap(({ healthUrl }) => (healthUrl ? [healthUrl] : []));
  return Promise.all(
    urls.map(async (url) => {
      const { headers } = await fetch(`${url}/healthz`);
      return Date.parse(headers.get('date')!) - Date.now();
    }),
  );
}
