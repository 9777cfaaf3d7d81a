import type { OpenAPIHono } from '@hono/zod-openapi';
import type { BacklogGate } from './backlog-gate.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { ApiDeps, ApiEnv } from './deps.ts';
import type { EventStreams } from './event-streams.ts';
import type { RunViews } from './run-views.ts';
import type { Starter } from './starter.ts';
import type { Versions } from './versions.ts';
import type { Writes } from './writes.ts';

export type Router = OpenAPIHono<ApiEnv>;

/** What the routes share. */
export interface Services {
  readonly deps: ApiDeps;
  readonly writes: Writes;
  readonly versions: Versions;
  readonly starter: Starter;
  readonly backlog: BacklogGate;
  readonly views: RunViews;
  readonly feed: ChangeFeed;
  readonly streams: EventStreams;
}

export const waitsMaxDefault = 10_000;
