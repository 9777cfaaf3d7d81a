import { statusText } from '@waybill/protocol';
import type { Context } from 'hono';
import type { ApiEnv } from './deps.ts';
import type { RunView } from './run-views.ts';

/** The run's status, its contexts and results as they came. */
export function statusResponse(c: Context<ApiEnv>, { state, info }: RunView): Response {
  return c.body(statusText(state, info), 200, { 'content-type': 'application/json' });
}
