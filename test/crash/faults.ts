import { connectDatabase } from '../support/database.ts';
import { pause } from './caller.ts';
import type { Fault } from './campaign.ts';
import type { Role } from './fleet.ts';

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

/** SIGTERM of one process of these roles, which must end in order; another takes its place. */
export function stopOf(...roles: Role[]): Fault {
  return {
    kind: `SIGTERM of ${roles.join(' or ')}`,
    async strike({ fleet, random }) {
      const slot = random.pick(fleet.of(...roles));
      // Whatever it ended by: the faults to come need one there.
      await fleet.stop(slot).finally(() => fleet.fill(slot));
    },
  };
}

/** A dispatcher stands still for a while. */
export function pauseOfDispatcher(ms: number): Fault {
  return {
    kind: `SIGSTOP of a dispatcher for ${ms / 1000} s`,
    async strike({ fleet, random }) {
      const slot = random.pick(fleet.of('dispatch'));
      fleet.signal(slot, 'SIGSTOP');
      await pause(ms);
      fleet.signal(slot, 'SIGCONT');
    },
  };
}

/** The same beside other faults; `pauses` has those that are not over. */
export function pauseBesides(ms: number, pauses: Set<Promise<void>>): Fault {
  return {
    kind: `SIGSTOP of a dispatcher for ${ms / 1000} s`,
    async strike({ fleet, random }) {
      const slot = random.pick(fleet.of('dispatch'));
      const pid = slot.process?.pid;
      fleet.signal(slot, 'SIGSTOP');
      const paused = pause(ms).then(() => resume(pid));
      pauses.add(paused);
      void paused.then(() => pauses.delete(paused));
    },
  };
}

/** By now it may have been killed, too. */
function resume(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGCONT');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Some of the sessions that processes have with the database are ended by it. */
export function terminatedBackends(share: number): Fault {
  return {
    kind: 'terminated backends',
    async strike({ cluster, random }) {
      const sql = connectDatabase(cluster.url);
      try {
        const sessions = await sql<{ pid: number }[]>`
          select pid from pg_stat_activity where application_name like 'waybill%' order by pid`;
        const chosen = sessions.filter(() => random.chance(share)).map(({ pid }) => pid);
        await sql`select pg_terminate_backend(pid) from unnest(${chosen}::int[]) as pid`;
      } finally {
        await sql.end();
      }
    },
  };
}
