import { Problem } from '@waybill/protocol';
import { hashApiKey } from '@waybill/signing';
import { type Database, findKey } from '@waybill/store';
import type { MiddlewareHandler } from 'hono';
import { LRUCache } from 'lru-cache';
import type { ApiEnv, Principal, Scope } from './deps.ts';

/** A revoked key is refused after at most this long. */
const keyLifetimeMs = 1000;

/** Authenticates the bearer key; refused calls never reach a handler. */
export function authenticate(database: Database): MiddlewareHandler<ApiEnv> {
  const known = new LRUCache<string, Promise<Principal | null>>({ max: 10_000, ttl: keyLifetimeMs });

  const look = (key: string) => {
    const hash = hashApiKey(key);
    const name = hash.toString('base64');
    const cached = known.get(name);
    if (cached) return cached;
    const found = findPrincipal(database, hash);
    known.set(name, found);
    found.catch(() => known.delete(name));
    return found;
  };

  return async (c, next) => {
    const header = c.req.header('authorization') ?? '';
    const [, key] = /^Bearer (wb_\S{1,500})$/i.exec(header) ?? [];
    if (!key) throw new Problem('unauthorized', 'send an API key: "Authorization: Bearer wb_…"');
    const principal = await look(key);
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
export function requireScope({ scopes }: Principal, ...anyOf: readonly Scope[]): void {
  if (scopes.has('admin') || anyOf.some((scope) => scopes.has(scope))) return;
  throw new Problem('forbidden', `this API key lacks the scope "${anyOf.join('" or "')}"`);
}
