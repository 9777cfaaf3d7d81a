import { Problem, uuidOfId } from '@waybill/protocol';
import { findLatestRun, findRun, type RunRow } from '@waybill/store';
import type { Context } from 'hono';
import type { ApiEnv } from './deps.ts';
import { requireKey } from './params.ts';
import type { Services } from './services.ts';

/** The run, or the latest run of the workflow key, of the caller's project. @throws Problem `not_found`. */
export async function requireRun({ deps }: Services, c: Context<ApiEnv>): Promise<RunRow> {
  const id = c.req.param('id')!;
  const project = c.get('principal').projectUuid;
  const isRunId = id.startsWith('run_');
  const uuid = uuidOfId('run', id);
  const found = isRunId
    ? uuid && (await findRun(deps.database, uuid))
    : await findLatestRun(deps.database, project, requireKey(id, 'run of a workflow'));
  if (found && found.projectUuid === project) return found;
  throw new Problem('not_found', isRunId ? `no run "${id}"` : `no run of a workflow "${id}"`);
}
