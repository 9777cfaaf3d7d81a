import { z } from '@hono/zod-openapi';
import { idOfUuid } from '@waybill/protocol';
import { type GoneEndpointRow, listDispatchers, listGoneEndpoints } from '@waybill/store';
import { requireScope } from '../auth.ts';
import { parseWith } from '../body.ts';
import { documented, jsonOf } from '../documented.ts';
import { page, pageQuery, placeCursor, placeText } from '../paging.ts';
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

const goneEndpointView = z
  .object({
    url: z.string(),
    goneSince: z.iso.datetime(),
    lastAt: z.iso.datetime(),
    runId: z.string(),
    delivery: z.enum(['step', 'compensation', 'hook']),
    stepId: z.string().nullable(),
  })
  .openapi('GoneEndpoint');
const goneQuery = z.object({ ...pageQuery, cursor: placeCursor });

/** The fleet, and what is beyond it, as this project's keys may see it. */
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

  documented(app, {
    tags: ['System'],
    method: 'get',
    path: '/v1/endpoints/gone',
    summary: 'URLs that answered 410 and have not answered 2xx since, newest first',
    request: { query: goneQuery },
    responses: { 200: { description: 'A page', ...jsonOf(listOf(goneEndpointView)) } },
  });
  app.get('/v1/endpoints/gone', async (c) => {
    const principal = c.get('principal');
    requireScope(principal, 'runs:read');
    const { limit, cursor: after } = parseWith(goneQuery, c.req.query());
    const rows = await listGoneEndpoints(deps.database, principal.projectUuid, { after, limit: limit + 1 });
    const cursorOf = ({ markedAtMicros: atMicros, url: name }: GoneEndpointRow) =>
      placeText({ atMicros, name });
    return c.json(page(rows, limit, goneEndpointOf, cursorOf));
  });
}

function goneEndpointOf({ url, markedAt, lastAt, runUuid, delivery, step }: GoneEndpointRow) {
  const runId = idOfUuid('run', runUuid);
  return { url, goneSince: markedAt, lastAt, runId, delivery, stepId: step };
}
