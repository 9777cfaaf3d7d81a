import { hash } from 'node:crypto';
import { Problem } from '@waybill/protocol';
import { hashApiKey } from '@waybill/signing';
import { type Database, findKey } from '@waybill/store';
import type { MiddlewareHandler } from 'hono';
import { LRUCache } from 'lru-cache';
import type { ApiEnv, Principal, Scope } from './deps.ts';

/** A revoked key is refused after at most this long. */
const keyLifetimeMs = 1000;

interface LookedUp {
  readonly found: Promise<Principal | null>;
  principal: Principal | null;
}

/** Whose keys they are, as the database said a moment ago. */
export class KnownKeys {
  readonly #database: Database;
  readonly #byName = new LRUCache<string, LookedUp>({ max: 10_000, ttl: keyLifetimeMs });

  constructor(database: Database) {
    this.#database = database;
  }

  find(key: string): Promise<Principal | null> {
    const name = nameOf(key);
    const known = this.#byName.get(name);
    if (known) return known.found;
    const looked: LookedUp = { found: findPrincipal(this.#database, hashApiKey(key)), principal: null };
    this.#byName.set(name, looked);
    looked.found.then(
      (principal) => {
        looked.principal = principal;
      },
      () => this.#byName.delete(name),
    );
    return looked.found;
  }

  /** Without asking: null unless the header's key is a good one that is known. */
  known(authorization: string | undefined): Principal | null {
    const key = keyOf(authorization);
    return key ? (this.#byName.get(nameOf(key))?.principal ?? null) : null;
  }
}

/** Keys themselves are not kept. */
function nameOf(key: string): string {
  return hash('sha256', key, 'base64');
}

function keyOf(authorization = ''): string | undefined {
  return /^Bearer (wb_\S{1,500})$/i.exec(authorization)?.[1];
}

/** Authenticates the bearer key; refused calls never reach a handler. */
export function authenticate(keys: KnownKeys): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const key = keyOf(c.req.header('authorization'));
    if (!key) throw new Problem('unauthorized', 'send an API key: "Authorization: Bearer wb_…"');
    const principal = await keys.find(key);
    if (!principal) throw new Problem('unauthorized', 'this API key is not known, or was revoked');
    c.set('principal', principal);
    await next();
  };
}

async function findPrincipal(database: Database, hash: Buffer): Promise<Principal | null> {
  const row = await findKey(database, hash);
  if (!row) return null;
  return { ...row, scopes: new Set(row.scopes as Scope[]) };
}

/** @throws Problem `forbidden` when the key has none of the scopes, nor `admin`. */
export function requireScope(principal: Principal, ...anyOf: readonly Scope[]): void {
  if (hasScope(principal, ...anyOf)) return;
  throw new Problem('forbidden', `this API key lacks the scope "${anyOf.join('" or "')}"`);
}

export function hasScope({ scopes }: Principal, ...anyOf: readonly Scope[]): boolean {
  return scopes.has('admin') || anyOf.some((scope) => scopes.has(scope));
}
