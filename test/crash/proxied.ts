import type { GivenUp, TcpProxy } from '../support/tcp-proxy.ts';
import { pause } from './caller.ts';
import type { Fault } from './campaign.ts';

/** Faults of the way to the database, by the proxy that the processes go through. */

/**
 * What stands leads nowhere from now on, and nobody is told; new connections work. Each on which something is asked,
 * or was just then, must be closed within `askedMsMax` of it, and so is never used again; the others are found out in
 * `idleMsMax`.
 */
export function halfOpen(proxy: () => TcpProxy, askedMsMax: number, idleMsMax: number): Fault {
  const tooLong = ({ askedMs }: GivenUp) => (askedMs ?? 0) > askedMsMax;
  return {
    kind: 'half-open sockets',
    async strike() {
      const before = proxy().givenUp.length;
      proxy().freeze();
      const deadline = performance.now() + idleMsMax;
      while (proxy().frozen > 0 && !proxy().waits().some(tooLong)) {
        if (performance.now() > deadline) {
          throw new Error(`${proxy().frozen} idle connection(s) were still held after ${idleMsMax} ms`);
        }
        await pause(50);
      }
      const waits = [...proxy().givenUp.slice(before), ...proxy().waits()];
      const late = waits.filter(tooLong).map(({ name, askedMs }) => `${name} ${Math.round(askedMs!)} ms`);
      if (late.length > 0) throw new Error(`asked on half-open connections and waited: ${late.join(', ')}`);
      if (waits.every(({ askedMs }) => askedMs === null)) throw new Error('nobody asked anything');
    },
  };
}

/** The same, and nobody waits for what becomes of it. */
export function briefHalfOpen(proxy: () => TcpProxy): Fault {
  return { kind: 'half-open sockets', strike: async () => proxy().freeze() };
}

/** What writes does not get on for a while. */
export function hangingCommits(proxy: () => TcpProxy, ms: number): Fault {
  return {
    kind: 'hanging commits',
    async strike() {
      proxy().stallWrites(true);
      await pause(ms);
      proxy().stallWrites(false);
    },
  };
}

/** Every connection is cut at once. */
export function cutConnections(proxy: () => TcpProxy): Fault {
  return { kind: 'all connections cut', strike: async () => proxy().cut() };
}

/** All connections break, and new ones break while they are being opened, for a while. */
export function brokenOpenings(proxy: () => TcpProxy): Fault {
  return {
    kind: 'connections that break as they open',
    async strike({ random }) {
      for (let round = 0; round < 8; round++) {
        proxy().cutOpenings(random.between(0, 400));
        proxy().cut();
        await pause(random.between(100, 400));
      }
      proxy().cutOpenings(null);
      proxy().cut();
    },
  };
}
