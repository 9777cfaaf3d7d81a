import { createHash } from 'node:crypto';
import type { Database } from './database.ts';
import { sqlState } from './errors.ts';
import { behind, type ListPlace, microsOf } from './list-place.ts';

export interface VersionRow {
  readonly key: string;
  readonly version: number;
  /** JSON text of the normalised definition. */
  readonly definition: string;
  readonly createdAt: Date;
}

export interface WorkflowRow {
  readonly key: string;
  readonly latestVersion: number;
  readonly versions: number;
  readonly createdAt: Date;
  readonly createdAtMicros: number;
  readonly updatedAt: Date;
}

export interface StoredVersion {
  readonly version: number;
  readonly isNew: boolean;
}

export interface NewVersion {
  readonly projectUuid: string;
  readonly key: string;
  readonly definition: string;
  /** PUT makes it the latest; `create` only stores it. */
  readonly makeLatest: boolean;
}

/** Versions are immutable and unique by content: an identical stored one is reused, whichever it is. */
export async function storeVersion(sql: Database, input: NewVersion): Promise<StoredVersion> {
  const hash = createHash('sha256').update(input.definition).digest();
  const { projectUuid, key, makeLatest } = input;
  for (;;) {
    try {
      const stored = await insertVersion(sql, input, hash);
      if (makeLatest) await moveLatest(sql, projectUuid, key, stored.version);
      return stored;
    } catch (error) {
      // Two writers stored the same content at once: the next look finds the other's.
      if (sqlState(error) !== '23505') throw error;
    }
  }
}

async function insertVersion(sql: Database, input: NewVersion, hash: Buffer): Promise<StoredVersion> {
  const { projectUuid, key, definition } = input;
  const [row] = await sql<StoredVersion[]>`
    with existing as (
      select version from workflow_versions
       where project_id = ${projectUuid} and key = ${key} and hash = ${hash}),
    bumped as (
      insert into workflows as w (project_id, key, latest_version, versions)
      select ${projectUuid}, ${key}, 1, 1 where not exists (select 1 from existing)
      on conflict (project_id, key) do update set versions = w.versions + 1, updated_at = now()
      returning versions),
    inserted as (
      insert into workflow_versions (project_id, key, version, hash, definition)
      select ${projectUuid}, ${key}, versions, ${hash}, ${definition} from bumped returning version)
    select version, false as "isNew" from existing
    union all select version, true as "isNew" from inserted`;
  return row!;
}

async function moveLatest(sql: Database, project: string, key: string, version: number): Promise<void> {
  await sql`update workflows set latest_version = ${version}, updated_at = now()
             where project_id = ${project} and key = ${key} and latest_version <> ${version}`;
}

/** A stored version; the latest when none is named. */
export async function findVersion(
  sql: Database,
  project: string,
  key: string,
  version?: number,
): Promise<VersionRow | null> {
  const [row] = await sql<VersionRow[]>`
    select v.key, v.version, v.definition, v.created_at as "createdAt"
      from workflows w join workflow_versions v on v.project_id = w.project_id and v.key = w.key
     where w.project_id = ${project} and w.key = ${key}
       and v.version = ${version === undefined ? sql`w.latest_version` : version}`;
  return row ?? null;
}

/** Newest first, behind a place in the list. */
export function listWorkflows(
  sql: Database,
  project: string,
  { after, limit }: { readonly after?: ListPlace | undefined; readonly limit: number },
): PromiseLike<WorkflowRow[]> {
  return sql<WorkflowRow[]>`
    select key, latest_version as "latestVersion", versions, created_at as "createdAt",
           updated_at as "updatedAt", ${microsOf(sql, 'created_at')} as "createdAtMicros"
      from workflows where project_id = ${project} and ${behind(sql, 'created_at', 'key', after)}
     order by created_at desc, key desc limit ${limit}`;
}

/** Newest first, before version `beforeVersion`. */
export function listVersions(
  sql: Database,
  project: string,
  key: string,
  page: { beforeVersion?: number | undefined; limit: number },
): PromiseLike<VersionRow[]> {
  const { beforeVersion } = page;
  return sql<VersionRow[]>`
    select key, version, definition, created_at as "createdAt" from workflow_versions
     where project_id = ${project} and key = ${key}
       ${beforeVersion === undefined ? sql`` : sql`and version < ${beforeVersion}`}
     order by version desc limit ${page.limit}`;
}
