import { createHash } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { Problem, settingText } from '@waybill/protocol';
import {
  claimIdempotencyKey,
  type Database,
  findIdempotencyKey,
  type IdempotencyClaim,
} from '@waybill/store';
import type { Context } from 'hono';
import { parseWith } from './body.ts';
import type { ApiEnv } from './deps.ts';
import type { Writes } from './writes.ts';

export const idempotencyHeader = z.object({
  'idempotency-key': settingText({ min: 1, max: 255 }).optional(),
});

export interface Idempotency {
  readonly projectUuid: string;
  readonly key: string;
  /** What the request asks for; the same key with anything else is refused. */
  readonly request: string;
}

/** The path is part of the key's meaning, as is the body: one key cannot start two workflows. */
export function idempotencyOf(
  c: Context<ApiEnv>,
  body: string,
  { projectUuid }: { readonly projectUuid: string } = c.get('principal'),
): Idempotency | null {
  const key = parseWith(idempotencyHeader, c.req.header())['idempotency-key'];
  return key === undefined ? null : { projectUuid, key, request: `${c.req.path}\n${body}` };
}

/**
 * Of a request whose right is the token in its path: its keys are its own, whatever keys the project's clients and the
 * handlers of other attempts use.
 */
export function idempotencyOfToken(
  c: Context<ApiEnv>,
  body: string,
  { projectUuid }: { readonly projectUuid: string },
): Idempotency | null {
  const own = idempotencyOf(c, body, { projectUuid });
  if (own === null) return null;
  // With the path: that of a heartbeat is another link.
  const link = createHash('sha256').update(c.req.path).digest('base64url');
  // No key of a header has a line break.
  return { ...own, key: `link ${link}\n${own.key}` };
}

/**
 * The id under which the request is carried out: `uuid`, or that of the first request with this key.
 * @throws Problem `idempotency_key_reused` when that asked for something else.
 */
export async function claimKey(
  writes: Writes,
  idempotency: Idempotency,
  uuid: string,
): Promise<{ readonly uuid: string; readonly isRepeat: boolean }> {
  const claim = claimOf(idempotency, uuid);
  const result = await writes.run((database) => claimIdempotencyKey(database, claim));
  if (result.kind === 'other_body') throw reused();
  return { uuid: result.runUuid, isRepeat: result.kind === 'repeat' };
}

/** For what is written together with what the request asks for. */
export function claimOf({ projectUuid, key, request }: Idempotency, uuid: string): IdempotencyClaim {
  const bodyHash = createHash('sha256').update(request).digest();
  return { projectUuid, key, bodyHash, runUuid: uuid };
}

/** Whether the request was carried out before. @throws Problem `idempotency_key_reused` */
export async function isRepeat(database: Database, claim: IdempotencyClaim): Promise<boolean> {
  const result = await findIdempotencyKey(database, claim);
  if (result?.kind === 'other_body') throw reused();
  return result !== null;
}

function reused(): Problem {
  return new Problem('idempotency_key_reused', 'this Idempotency-Key was used with another request');
}
