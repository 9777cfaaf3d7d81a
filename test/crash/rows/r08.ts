import type { Fault } from '../campaign.ts';
import { campaign, type Scene } from '../campaign.ts';
import { duplicates } from '../duplicates.ts';
import { endInOrder, type Slot } from '../fleet.ts';
import { inFlight } from '../owners.ts';
import type { FaultRow } from '../row.ts';
import { shape, shapes, step } from '../shapes.ts';

/** Handlers that are busy when their dispatcher is told to go, and end well within its grace. */
export const long = shape('long', 30, 'none', ['completed'], {
  steps: [step('a', '/long'), step('b', '/long', 'a'), step('c', '/long', 'b')],
});

/** A deployment: each new process is ready before the old one is told to go. `drained` hears of requests in flight. */
export function rollingRestart(drained?: (requests: number) => void): Fault {
  return {
    kind: 'rolling restart',
    async strike(scene) {
      for (const slot of scene.random.shuffled(scene.fleet.slots)) await replace(scene, slot, drained);
    },
  };
}

async function replace(scene: Scene, slot: Slot, drained?: (requests: number) => void): Promise<void> {
  const old = slot.process!;
  // Nobody is sent to the old one any more.
  await scene.fleet.fill(slot);
  if (drained) drained(await inFlight(scene, old.pid));
  await endInOrder(slot.name, old);
}

export const r08: FaultRow = {
  id: 'R8',
  title: 'rolling restart: the old one drains while the new one starts',
  short: { seconds: 25, runs: 150 },
  run(context) {
    let requests = 0;
    const drained = (more: number) => {
      requests += more;
    };
    return campaign(context, {
      faults: [rollingRestart(drained)],
      everyMs: [3000, 5000],
      isAudited: true,
      among: [...shapes, long],
      judge: (scene, observation) => [
        ...(requests > 0 ? [] : ['nothing was in flight when dispatchers were told to go']),
        ...duplicates(scene, observation),
      ],
      figures: ({ mock }) => ({
        'requests of all kinds': mock.requests.length,
        'in flight as dispatchers were told to go': requests,
      }),
    });
  },
};
