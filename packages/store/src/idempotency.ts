import type { Database } from './database.ts';
import { text, uuid } from './literals.ts';

export interface IdempotencyClaim {
  readonly projectUuid: string;
  readonly key: string;
  /** SHA-256 of the request body. */
  readonly bodyHash: Buffer;
  /** Used if this key is new. */
  readonly runUuid: string;
}

export type IdempotencyResult =
  | { readonly kind: 'first'; readonly runUuid: string }
  | { readonly kind: 'repeat'; readonly runUuid: string }
  | { readonly kind: 'other_body' };

/**
 * Written first and alone, with the id of the run that is to be: a start that dies afterwards is carried
 * out by the repeat, under the same id. Keys hold for 24 hours.
 */
export async function claimIdempotencyKey(
  sql: Database,
  claim: IdempotencyClaim,
): Promise<IdempotencyResult> {
  const [mine] = await sql.unsafe(insertKey(claim));
  if (mine) return { kind: 'first', runUuid: claim.runUuid };
  return (await findIdempotencyKey(sql, claim)) ?? claimIdempotencyKey(sql, claim);
}

/** What it was used for; null: nothing in the last 24 hours. */
export async function findIdempotencyKey(
  sql: Database,
  { projectUuid, key, bodyHash }: Omit<IdempotencyClaim, 'runUuid'>,
): Promise<IdempotencyResult | null> {
  const [stored] = await sql<{ bodyHash: Buffer; runUuid: string }[]>`
    select body_hash as "bodyHash", run_id as "runUuid" from idempotency_keys
     where project_id = ${projectUuid} and key = ${key} and expires_at >= now()`;
  if (!stored) return null;
  if (!stored.bodyHash.equals(bodyHash)) return { kind: 'other_body' };
  return { kind: 'repeat', runUuid: stored.runUuid };
}

/** For a message that does what the key is for, too; no row comes back when it was used already. */
export function insertKey({ projectUuid, key, bodyHash, runUuid }: IdempotencyClaim): string {
  const hash = `'\\x${bodyHash.toString('hex')}'::bytea`;
  return `insert into idempotency_keys as k (project_id, key, body_hash, run_id, expires_at)
    values (${uuid(projectUuid)}, ${text(key)}, ${hash}, ${uuid(runUuid)}, now() + interval '24 hours')
    on conflict (project_id, key) do update
       set body_hash = excluded.body_hash, run_id = excluded.run_id, expires_at = excluded.expires_at
     where k.expires_at < now() returning 1`;
}

/** In portions that end well within the timeout of a statement. */
export async function deleteExpiredIdempotencyKeys(sql: Database): Promise<void> {
  for (let deleted = portion; deleted === portion; ) {
    const { count } = await sql`
      delete from idempotency_keys where (project_id, key) in
        (select project_id, key from idempotency_keys where expires_at < now() limit ${portion})`;
    deleted = count;
  }
}

const portion = 5000;
