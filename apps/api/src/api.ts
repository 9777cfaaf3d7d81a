import { OpenAPIHono } from '@hono/zod-openapi';
import { createId, Problem, version } from '@waybill/protocol';
import { readBacklogs } from '@waybill/store';
import { AllowedMethods } from './allowed-methods.ts';
import { authenticate, KnownKeys } from './auth.ts';
import { BacklogGate } from './backlog-gate.ts';
import { BodyBytes } from './body-bytes.ts';
import { ChangeFeed } from './change-feed.ts';
import type { ApiDeps, ApiEnv, CommitListener } from './deps.ts';
import { docsHeaders, docsPage } from './docs-page.ts';
import { EventStreams } from './event-streams.ts';
import { FrontDoor, type Refusal, type RequestHead } from './front-door.ts';
import { healthRoutes } from './health.ts';
import { onError, onNotFound } from './problems.ts';
import { approvalLinkRoutes, approvalRoutes } from './routes/approvals.ts';
import { callbackRoutes } from './routes/callbacks.ts';
import { rerunRoutes } from './routes/rerun.ts';
import { runCommandRoutes } from './routes/run-commands.ts';
import { runDetailRoutes } from './routes/run-details.ts';
import { runEventRoutes } from './routes/run-events.ts';
import { runStartRoutes } from './routes/run-starts.ts';
import { runRoutes } from './routes/runs.ts';
import { scheduleCommandRoutes } from './routes/schedule-commands.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { systemRoutes } from './routes/system.ts';
import { workflowRoutes } from './routes/workflows.ts';
import { RunViews } from './run-views.ts';
import { type Router, type Services, waitsMaxDefault } from './services.ts';
import { Starter } from './starter.ts';
import { Versions } from './versions.ts';
import { Writes } from './writes.ts';

export interface Api {
  readonly fetch: Router['fetch'];
  /** What need not get as far as `fetch`, and how it is answered. */
  readonly refusalOf: (head: RequestHead) => Refusal | null;
  /** To be told of commits made in this process. */
  readonly committed: CommitListener;
  readonly stats: ApiStats;
  /** Waits answer with what they have, and event streams end. */
  close(): void;
}

/** What an api is busy with. */
export interface ApiStats {
  readonly requests: number;
  readonly openStreams: number;
  readonly watchedRuns: number;
  /** Waits and streams. */
  readonly watches: number;
  readonly startsUnderWay: number;
  readonly bodyBytes: number;
  /** Of the runs that it keeps folded. */
  readonly foldBytes: number;
}

const backlogMaxDefault = 5000;
/** Whatever they wait for: a slow database does not gather requests without end. */
const requestsBesideWaitsMax = 4000;
const bodyBytesUnderWayMax = 64 * 1024 * 1024;

/** The HTTP API over its ports. Opens no socket and reads no environment. */
export function createApi(deps: ApiDeps): Api {
  const views = new RunViews(deps.database, deps.plans);
  const feed = new ChangeFeed(deps.database, deps.log);
  const keys = new KnownKeys(deps.database);
  const writes = new Writes(deps.writeDatabase ?? deps.database);
  const backlog = new BacklogGate({
    read: (countMax) => readBacklogs(deps.database, countMax),
    runsMax: deps.backlogMax ?? backlogMaxDefault,
    log: deps.log,
    now: () => performance.now(),
  });
  const services: Services = {
    deps,
    writes,
    views,
    feed,
    streams: new EventStreams(deps, views, feed),
    versions: new Versions(deps, writes),
    starter: new Starter({ deps, views, writes, backlog }),
    backlog,
  };
  deps.hints.listen('runs', () => feed.hint());

  const app: Router = new OpenAPIHono<ApiEnv>();
  app.onError(onError(deps));
  const methods = new AllowedMethods(app);
  app.notFound(onNotFound(methods));
  app.use((c, next) => {
    const requestId = createId('req');
    c.set('requestId', requestId);
    c.set('limits', deps.limits);
    // Before there is an answer: to one that is there, hono adds a header by making it again, as a web stream.
    c.header('x-request-id', requestId);
    return next();
  });
  healthRoutes(app, services);
  let requests = 0;
  const requestsMax = requestsBesideWaitsMax + (deps.waitsMax ?? waitsMaxDefault);
  app.use('/v1/*', async (_, next) => {
    if (requests >= requestsMax) {
      const limit = { name: 'requestsMax', value: requestsMax };
      const detail = `requestsMax ${requestsMax} requests are under way; try again`;
      throw new Problem('unavailable', detail, { limit, retryAfterSeconds: 1 });
    }
    requests++;
    await next().finally(() => requests--);
  });
  const { requestBodyBytesMax } = deps.limits;
  const door = new FrontDoor({ keys, backlog, metrics: deps.metrics, requestBodyBytesMax });
  const bodies = new BodyBytes({
    bytesMax: requestBodyBytesMax,
    bytesUnderWayMax: Math.max(bodyBytesUnderWayMax, 4 * requestBodyBytesMax),
  });
  const { limit } = bodies;
  app.use('/v1/callbacks/*', limit);
  callbackRoutes(app, services);
  app.use('/v1/approvals/*', limit);
  approvalRoutes(app, services);
  // Behind these no key is asked for, whatever the method.
  for (const path of ['/v1/callbacks/*', '/v1/approvals/*']) {
    app.all(path, (c) => {
      throw methods.problem(c.req.method, c.req.path);
    });
  }
  app.use('/v1/*', authenticate(keys));
  app.use('/v1/*', limit);
  workflowRoutes(app, services);
  runStartRoutes(app, services);
  runRoutes(app, services);
  runCommandRoutes(app, services);
  rerunRoutes(app, services);
  approvalLinkRoutes(app, services);
  runDetailRoutes(app, services);
  runEventRoutes(app, services);
  scheduleRoutes(app, services);
  scheduleCommandRoutes(app, services);
  systemRoutes(app, services);
  describe(app);

  return {
    fetch: app.fetch,
    refusalOf: (head) => door.refusalOf(head),
    committed: (runUuid, events) => feed.committed(runUuid, events),
    get stats() {
      return {
        requests,
        openStreams: services.streams.openCount,
        watchedRuns: feed.watchedRuns,
        watches: feed.watches,
        startsUnderWay: services.starter.underWay,
        bodyBytes: bodies.underWay,
        foldBytes: views.bytes,
      };
    },
    close: () => feed.close(),
  };
}

/** The document and its page are built once, when somebody first asks for them. */
function describe(app: Router): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  const info = { title: 'Waybill', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } };
  const build = () => app.getOpenAPI31Document({ openapi: '3.1.0', info });
  let document: string | null = null;
  app.get('/openapi.json', (c) => {
    document ??= JSON.stringify(build());
    return c.body(document, 200, { 'content-type': 'application/json' });
  });
  let page: string | null = null;
  app.get('/docs', (c) => {
    page ??= docsPage(build() as unknown as Parameters<typeof docsPage>[0]);
    return c.html(page, 200, docsHeaders);
  });
}
