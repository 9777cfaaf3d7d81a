import { idOfUuid } from '@waybill/protocol';
import { connectDatabase } from '../support/database.ts';
import type { Scene } from './campaign.ts';

/** Runs of the dispatcher in the process of that pid. */
export async function runsOf({ cluster }: Scene, pid: number): Promise<Set<string>> {
  const sql = connectDatabase(cluster.url);
  try {
    const rows = await sql<{ id: string }[]>`
      select run_id as id from run_queue q join dispatchers d on d.id = q.owner where d.pid = ${pid}`;
    return new Set(rows.map(({ id }) => idOfUuid('run', id)));
  } finally {
    await sql.end();
  }
}

/** Requests of that dispatcher which their handlers have not answered yet. */
export async function inFlight(scene: Scene, pid: number): Promise<number> {
  const runs = await runsOf(scene, pid);
  return [...scene.mock.open].filter(({ runId }) => runs.has(runId)).length;
}
