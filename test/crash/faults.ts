import { pause } from './caller.ts';
import type { Fault, Scene } from './campaign.ts';
import type { Role, Slot } from './fleet.ts';

/** SIGKILL of one process of these roles; another takes its place after a moment. */
export function killOf(...roles: Role[]): Fault {
  return {
    kind: `SIGKILL of ${roles.join(' or ')}`,
    async strike({ fleet, random }) {
      const slot = random.pick(fleet.of(...roles));
      await fleet.kill(slot);
      await pause(random.between(0, 500));
      await fleet.fill(slot);
    },
  };
}

/** The database crashes, and is away for up to `awayMsMax`. */
export function crashOfDatabase(awayMsMax: number): Fault {
  return {
    kind: 'immediate stop of the database',
    async strike({ cluster, random }) {
      await cluster.stop('immediate');
      await pause(random.between(0, awayMsMax));
      await cluster.restart();
    },
  };
}

export function pick({ fleet, random }: Scene, ...roles: Role[]): Slot {
  return random.pick(fleet.of(...roles));
}
