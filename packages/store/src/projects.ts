import type { Database } from './database.ts';

export interface ProjectRow {
  readonly uuid: string;
  readonly name: string;
  readonly baseUrl: string | null;
}

export interface KeyRow {
  readonly projectUuid: string;
  readonly baseUrl: string | null;
  readonly scopes: string[];
}

/** The project, made if it is new. A base URL replaces the stored one. */
export async function upsertProject(
  sql: Database,
  project: { uuid: string; name: string; baseUrl: string | null },
): Promise<ProjectRow> {
  const [row] = await sql<ProjectRow[]>`
    insert into projects as p (id, name, base_url) values (${project.uuid}, ${project.name}, ${project.baseUrl})
    on conflict (name) do update set base_url = coalesce(excluded.base_url, p.base_url)
    returning id as uuid, name, base_url as "baseUrl"`;
  return row!;
}

export async function findProject(sql: Database, uuid: string): Promise<ProjectRow | null> {
  const [row] = await sql<ProjectRow[]>`
    select id as uuid, name, base_url as "baseUrl" from projects where id = ${uuid}`;
  return row ?? null;
}

export async function addKey(
  sql: Database,
  key: { uuid: string; projectUuid: string; name: string; prefix: string; hash: Buffer; scopes: string[] },
): Promise<void> {
  await sql`
    insert into api_keys (id, project_id, name, prefix, hash, scopes)
    values (${key.uuid}, ${key.projectUuid}, ${key.name}, ${key.prefix}, ${key.hash}, ${key.scopes})
    on conflict (hash) do nothing`;
}

/** The live key with this hash. */
export async function findKey(sql: Database, hash: Buffer): Promise<KeyRow | null> {
  const [row] = await sql<KeyRow[]>`
    select k.project_id as "projectUuid", p.base_url as "baseUrl", k.scopes
      from api_keys k join projects p on p.id = k.project_id
     where k.hash = ${hash} and k.revoked_at is null`;
  return row ?? null;
}

export async function hasLiveKey(sql: Database, projectUuid: string): Promise<boolean> {
  const rows = await sql`
    select 1 from api_keys where project_id = ${projectUuid} and revoked_at is null limit 1`;
  return rows.length > 0;
}

/** Newest first; each is sealed with the project's id as additional data. */
export async function liveSecrets(sql: Database, projectUuid: string): Promise<string[]> {
  const rows = await sql<{ sealed: string }[]>`
    select sealed from signing_secrets where project_id = ${projectUuid} and retired_at is null
     order by created_at desc, id desc`;
  return rows.map((row) => row.sealed);
}

export async function addSecret(
  sql: Database,
  secret: { uuid: string; projectUuid: string; sealed: string },
): Promise<void> {
  await sql`insert into signing_secrets (id, project_id, sealed)
            values (${secret.uuid}, ${secret.projectUuid}, ${secret.sealed})`;
}
