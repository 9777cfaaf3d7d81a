import type { TcpProxy } from '../support/tcp-proxy.ts';
import { pause } from './caller.ts';
import type { Fault } from './campaign.ts';

/** Faults of the way to the database, by the proxy that the processes go through. */

/** What stands leads nowhere from now on, and nobody is told; new connections work. */
export function halfOpen(proxy: () => TcpProxy, giveUpMsMax: number): Fault {
  return {
    kind: 'half-open sockets',
    async strike() {
      proxy().freeze();
      const deadline = performance.now() + giveUpMsMax;
      while (proxy().frozen > 0) {
        if (performance.now() > deadline) {
          throw new Error(`${proxy().frozen} connection(s) were still held after ${giveUpMsMax} ms`);
        }
        await pause(50);
      }
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
