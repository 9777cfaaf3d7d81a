import type { Context } from 'hono';
import type { StartedRun } from './starter.ts';

/** 201 with the status, whose texts travel as they came. */
export function startedResponse(c: Context, { id, status }: StartedRun): Response {
  return c.body(status, 201, { 'content-type': 'application/json', location: `/v1/runs/${id}` });
}
