import { z } from '@hono/zod-openapi';
import { Problem } from '@waybill/protocol';
import { findProject, type RunRow, readEventPage } from '@waybill/store';
import type { Context } from 'hono';
import { requireScope } from '../auth.ts';
import { parseWith } from '../body.ts';
import type { ApiEnv } from '../deps.ts';
import { documented, jsonOf } from '../documented.ts';
import { eventText } from '../event-view.ts';
import { positionAfter, type StreamPosition } from '../live-events.ts';
import { numberCursor, pageQuery } from '../paging.ts';
import { idParam } from '../params.ts';
import { requireRun } from '../require-run.ts';
import { infoOf } from '../run-views.ts';
import { eventView, listOf } from '../schemas.ts';
import type { Router, Services } from '../services.ts';
import { acceptsSse, sseHeaders } from '../sse.ts';

const seqMax = 2 ** 31 - 1;
/** A page whose results weigh more is shorter than its limit. */
const pageBytesMax = 4 * 1024 * 1024;

const eventsQuery = z.object({
  ...pageQuery,
  cursor: numberCursor({ min: 0, max: seqMax }),
});

/** The journal of a run: as pages, or live. */
export function runEventRoutes(app: Router, services: Services): void {
  documented(app, {
    tags: ['Runs'],
    method: 'get',
    path: '/v1/runs/{id}/events',
    summary:
      'The journal of a run, oldest first; with `Accept: text/event-stream` live, until the run is done',
    description:
      '`cursor` is the seq after which to go on. A stream resumes after `Last-Event-ID`; one that has nothing left to send is answered 204.',
    request: { params: idParam, query: eventsQuery },
    responses: {
      200: {
        description: 'A page, or the stream',
        content: { ...jsonOf(listOf(eventView)).content, 'text/event-stream': { schema: z.string() } },
      },
      204: { description: 'The run is done and all of its events were sent' },
    },
  });
  app.get('/v1/runs/:id/events', async (c) => {
    requireScope(c.get('principal'), 'runs:read');
    const query = parseWith(eventsQuery, c.req.query());
    const row = await requireRun(services, c);
    // A HEAD request has no body that anybody would read or close.
    const isLive = c.req.method === 'GET' && acceptsSse(c.req.header('accept'));
    return isLive ? stream(services, c, row, query.cursor) : page(services, c, row, query);
  });
}

async function page(
  { deps }: Services,
  c: Context<ApiEnv>,
  row: RunRow,
  { limit, cursor = 0 }: z.output<typeof eventsQuery>,
): Promise<Response> {
  const bounds = { afterSeq: cursor, rowsMax: limit, bytesMax: pageBytesMax };
  const { events, hasMore } = await readEventPage(deps.database, row.uuid, bounds);
  const next = hasMore ? JSON.stringify(String(events.at(-1)!.seq)) : 'null';
  const text = `{"data":[${events.map((stored) => eventText(stored)).join(',')}],"nextCursor":${next}}`;
  return c.body(text, 200, { 'content-type': 'application/json' });
}

async function stream(
  services: Services,
  c: Context<ApiEnv>,
  row: RunRow,
  cursor: number | undefined,
): Promise<Response> {
  const from = positionOf(c.req.header('last-event-id'), cursor);
  const { state, seq } = await services.views.get(row);
  // What an EventSource takes as the word not to come back. The last row of a run ends no step.
  const sentSeq = from.halfSentSeq ?? from.seq;
  if (state.phase === 'done' && sentSeq >= seq) return c.body(null, 204);
  const project = await findProject(services.deps.database, row.projectUuid);
  const { id: runId, workflowId } = infoOf(row);
  const names = { runId, workflowId, namespace: project!.name };
  return c.body(services.streams.open({ row, names, from }, c.req.raw.signal), 200, sseHeaders);
}

/** @throws Problem `invalid_request` */
function positionOf(lastEventId: string | undefined, cursor = 0): StreamPosition {
  if (lastEventId === undefined) return { seq: cursor, halfSentSeq: null };
  const position = positionAfter(lastEventId);
  if (position) return position;
  const errors = [{ path: 'Last-Event-ID', message: 'is not an id of this stream' }];
  throw new Problem('invalid_request', 'the request has 1 fault(s)', { errors });
}
