import type { Fault } from '../campaign.ts';
import { campaign, type Scene } from '../campaign.ts';
import type { Slot } from '../fleet.ts';
import type { FaultRow } from '../row.ts';

/** The new process is ready before the old one is told to go, as a deployment does it. */
export function replace({ fleet }: Scene, slot: Slot): Promise<number | null> {
  const old = slot.process!;
  // Nobody is sent to the old one any more.
  return fleet.fill(slot).then(() => old.stop());
}

export const rollingRestart: Fault = {
  kind: 'rolling restart',
  async strike(scene) {
    for (const slot of scene.random.shuffled(scene.fleet.slots)) {
      const code = await replace(scene, slot);
      if (code !== 0) throw new Error(`${slot.name} ended with ${code} when it was asked to`);
    }
  },
};

export const r08: FaultRow = {
  id: 'R8',
  title: 'rolling restart: the old one drains while the new one starts',
  short: { seconds: 25, runs: 150 },
  run: (context) =>
    campaign(context, {
      faults: [rollingRestart],
      everyMs: [3000, 5000],
      async after({ mock }) {
        const seen = new Set<string>();
        const repeats = mock.requests.filter(({ webhookId, attempt }) => {
          const name = `${webhookId}/${attempt}`;
          return seen.size === seen.add(name).size;
        });
        return repeats.map(
          ({ runId, kind, step, attempt }) => `${runId}: ${kind} ${step}, attempt ${attempt}, was sent twice`,
        );
      },
      figures: ({ mock }) => ({ 'requests of all kinds': mock.requests.length }),
    }),
};
