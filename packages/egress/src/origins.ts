import type { LookupFunction, Socket } from 'node:net';
import { Pool } from 'undici';
import type { AddressPolicy } from './address-policy.ts';
import type { AnswerRoom, AnswerShare } from './answer-room.ts';
import { guardedLookup } from './guarded-lookup.ts';
import type { Target } from './target.ts';
import { trackedConnector } from './tracked-connector.ts';

export interface OriginsOptions {
  policy: AddressPolicy;
  /** For the answers of all origins. */
  room: AnswerRoom;
  connectionsPerOrigin: number;
  connectTimeoutMs: number;
  lookup?: LookupFunction | undefined;
}

/** The connections to one `scheme://host:port`. */
export interface Origin {
  readonly pool: Pool;
  /** Requests that hold, or wait for, a connection. */
  open: number;
  usedAtMs: number;
  /** What its answers take while they come in. */
  readonly answers: AnswerShare;
}

/** A pool without use for this long is closed; its connections went before, after 4 s of idleness (undici). */
const idleMsMax = 60_000;
/** Past this, the pool that was idle longest goes at once. Pools with open requests are never closed. */
const originsMax = 1_000;
/** Status line and headers of an answer. Node's own default, fixed here because a flag of node can change that. */
const headerBytesMax = 16 * 1024;

export class Origins {
  private readonly options: OriginsOptions;
  private readonly origins = new Map<string, Origin>();
  private readonly sweeper: NodeJS.Timeout;
  private readonly sockets = new Set<Socket>();

  constructor(options: OriginsOptions) {
    this.options = options;
    this.sweeper = setInterval(() => this.closeIdle(performance.now() - idleMsMax), idleMsMax / 2).unref();
  }

  get size(): number {
    return this.origins.size;
  }

  /** Sockets not yet closed, connecting ones too. */
  get socketCount(): number {
    return this.sockets.size;
  }

  find(key: string): Origin | undefined {
    return this.origins.get(key);
  }

  obtain(target: Target): Origin {
    const existing = this.origins.get(target.origin);
    if (existing !== undefined) return existing;
    if (this.origins.size >= originsMax) this.closeLongestIdle();
    const answers = this.options.room.share();
    const origin = { pool: this.createPool(target), open: 0, usedAtMs: performance.now(), answers };
    this.origins.set(target.origin, origin);
    return origin;
  }

  /** Closes the pools that nobody used since `beforeMs` (on the clock of `performance.now`). */
  closeIdle(beforeMs: number): void {
    for (const [key, origin] of this.origins) {
      if (origin.open === 0 && origin.usedAtMs <= beforeMs) this.drop(key, origin);
    }
  }

  /** Cuts every connection; resolves when all sockets are closed. */
  async destroy(): Promise<void> {
    clearInterval(this.sweeper);
    const pools = [...this.origins.values()].map(({ pool }) => pool);
    this.origins.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
    for (const socket of this.sockets) socket.destroy();
  }

  private closeLongestIdle(): void {
    let longest: [string, Origin] | undefined;
    for (const entry of this.origins) {
      if (entry[1].open > 0) continue;
      if (longest === undefined || entry[1].usedAtMs < longest[1].usedAtMs) longest = entry;
    }
    if (longest !== undefined) this.drop(...longest);
  }

  private drop(key: string, origin: Origin): void {
    this.origins.delete(key);
    origin.pool.destroy().catch(() => {}); // nothing is open on it
  }

  private createPool({ origin, port }: Target): Pool {
    const { policy, connectionsPerOrigin, connectTimeoutMs, lookup } = this.options;
    const connectOptions = {
      timeout: connectTimeoutMs,
      lookup: guardedLookup(policy, port, lookup),
      autoSelectFamily: true, // tries the checked addresses in turn
      rejectUnauthorized: true, // said, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch it off
    };
    return new Pool(origin, {
      connections: connectionsPerOrigin,
      pipelining: 1, // a POST behind another would wait for it, and be lost with it
      maxHeaderSize: headerBytesMax,
      headersTimeout: 0, // the exchange has one deadline for everything
      bodyTimeout: 0,
      connect: trackedConnector(connectOptions, this.sockets),
    });
  }
}
