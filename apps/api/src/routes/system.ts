import { z } from '@hono/zod-openapi';
import { idOfUuid } from '@waybill/protocol';
import { listDispatchers } from '@waybill/store';
import { requireScope } from '../auth.ts';
import { documented, jsonOf } from '../documented.ts';
import { listOf } from '../schemas.ts';
import type { Router, Services } from '../services.ts';

const dispatcherView = z
  .object({
    id: z.string(),
    host: z.string(),
    pid: z.int(),
    startedAt: z.iso.datetime(),
    heartbeatAt: z.iso.datetime(),
    ownedRuns: z.int(),
  })
  .openapi('Dispatcher');

/** The fleet, as this project's keys may see it. */
export function systemRoutes(app: Router, { deps }: Services): void {
  documented(app, {
    tags: ['System'],
    method: 'get',
    path: '/v1/dispatchers',
    summary: 'Live dispatchers, with their hosts; for admins',
    responses: { 200: { description: 'All of them', ...jsonOf(listOf(dispatcherView)) } },
  });
  app.get('/v1/dispatchers', async (c) => {
    requireScope(c.get('principal'), 'admin');
    const rows = await listDispatchers(deps.database);
    const data = rows.map((row) => ({ ...row, id: idOfUuid('disp', row.id) }));
    return c.json({ data, nextCursor: null });
  });
}
