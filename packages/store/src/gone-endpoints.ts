import type { Database } from './database.ts';
import { behind, type ListPlace, microsOf } from './list-place.ts';
import { text, uuid, valuesOf } from './literals.ts';

/** An answer of 410. */
export interface GoneEndpoint {
  readonly projectUuid: string;
  readonly url: string;
  /** What was sent there last. */
  readonly runUuid: string;
  readonly delivery: string;
  readonly step: string | null;
}

export interface GoneEndpointRow extends Omit<GoneEndpoint, 'projectUuid'> {
  readonly markedAt: Date;
  readonly markedAtMicros: number;
  readonly lastAt: Date;
}

/** Seen again, a mark keeps the time of the first answer. */
export async function markGone(sql: Database, endpoint: GoneEndpoint): Promise<void> {
  const { projectUuid, url, runUuid, delivery, step } = endpoint;
  await sql`
    insert into gone_endpoints (project_id, url, run_id, delivery, step)
    values (${projectUuid}, ${url}, ${runUuid}, ${delivery}, ${step})
    on conflict (project_id, md5(url)) do update
       set last_at = now(), run_id = excluded.run_id, delivery = excluded.delivery, step = excluded.step`;
}

/**
 * For the flush that records the answers. A mark that is there is not locked: of many answers at once none waits for
 * another. New ones are made in one order for everybody, so that no two flushes wait for each other.
 */
export function insertGone(endpoints: readonly GoneEndpoint[]): string {
  const sorted = [...endpoints].sort((a, b) => Number(nameOf(a) > nameOf(b)) - Number(nameOf(a) < nameOf(b)));
  const values = valuesOf(sorted, ({ projectUuid, url, runUuid, delivery, step }) => [
    ...[uuid(projectUuid), text(url), uuid(runUuid), text(delivery), text(step)],
  ]);
  return `insert into gone_endpoints (project_id, url, run_id, delivery, step) ${values} on conflict do nothing`;
}

const nameOf = ({ projectUuid, url }: GoneEndpoint) => `${projectUuid} ${url}`;

export async function unmarkGone(sql: Database, project: string, url: string): Promise<void> {
  await sql`delete from gone_endpoints where project_id = ${project} and url = ${url}`;
}

/** Those marked latest first, of all projects. */
export function goneEndpoints(sql: Database, limit: number): PromiseLike<{ project: string; url: string }[]> {
  return sql<{ project: string; url: string }[]>`
    select project_id as project, url from gone_endpoints order by marked_at desc limit ${limit}`;
}

/** Marked latest first, behind a place in the list. */
export function listGoneEndpoints(
  sql: Database,
  project: string,
  { after, limit }: { readonly after?: ListPlace | undefined; readonly limit: number },
): PromiseLike<GoneEndpointRow[]> {
  return sql<GoneEndpointRow[]>`
    select url, marked_at as "markedAt", last_at as "lastAt", run_id as "runUuid", delivery, step,
           ${microsOf(sql, 'marked_at')} as "markedAtMicros"
      from gone_endpoints where project_id = ${project} and ${behind(sql, 'marked_at', 'url', after)}
     order by marked_at desc, url desc limit ${limit}`;
}
