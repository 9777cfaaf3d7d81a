import { getHeapStatistics } from 'node:v8';
import { createApi } from '@waybill/api';
import {
  type Clock,
  createClock,
  createDispatcher,
  type Dispatcher,
  type GoneEndpointStore,
  GoneEndpoints,
  ProjectCache,
  Scheduler,
} from '@waybill/dispatcher';
import { checkHeader, checkUrl, createAddressPolicy, createEgress } from '@waybill/egress';
import type { RunEvent } from '@waybill/engine';
import { createMetrics, type Metrics } from '@waybill/metrics';
import { createApprovalTokens, createCallbackTokens, createKeyring } from '@waybill/signing';
import {
  type Database,
  databaseNowMs,
  goneEndpoints,
  Hints,
  Journal,
  markGone,
  migrate,
  openDatabase,
  PlanCache,
  PostgresDispatcherStore,
  PostgresScheduleStore,
  postgresLanes,
  unmarkGone,
} from '@waybill/store';
import { pino } from 'pino';
import { bootstrap, type Generated } from './bootstrap.ts';
import { createBusyWatch } from './busy.ts';
import { gaugesOf, type Parts } from './gauges.ts';
import { type HttpServer, listen } from './http-server.ts';
import { limitsOf } from './limit-options.ts';
import type { ServerSettings } from './settings.ts';

export interface Roles {
  readonly api: boolean;
  readonly dispatch: boolean;
}

export interface WaybillNode {
  /** Null without the api role. */
  readonly url: string | null;
  /** Of a server for metrics alone; null where the API serves them, or nobody. */
  readonly metricsUrl: string | null;
  readonly generated: Generated;
  stop(): Promise<void>;
}

/** The composition root: builds the roles on one database and wires them to each other. */
export async function startNode(settings: ServerSettings, roles: Roles): Promise<WaybillNode> {
  const { databaseUrl, retentionDays } = settings;
  const log = pino({ level: settings.logLevel }, pino.destination({ dest: 2, sync: true }));
  const keyring = createKeyring(settings.masterKey);
  const http = roles.api ? await listen(settings.host, settings.port) : null;
  const scraped = settings.metricsPort === undefined ? null : await listen('0.0.0.0', settings.metricsPort);
  const closers: (() => Promise<void> | void)[] = [() => http?.end(), () => scraped?.end()];
  const stop = async () => {
    for (const close of closers.splice(0)) await close();
  };
  try {
    await migrate({ databaseUrl, retentionDays });
    const name = Object.keys(roles)
      .filter((role) => roles[role as keyof Roles])
      .join('+');
    const hints = new Hints(databaseUrl);
    closers.unshift(() => hints.close());
    const open = async (purpose: string, max?: number) => {
      const pool = await openDatabase(databaseUrl, { name: purpose, ...(max ? { max } : {}) });
      closers.unshift(() => pool.end({ timeout: 5 }));
      return pool;
    };
    const database = await open(name);
    // Commits that hang must not hold up what the API only reads.
    const writeDatabase = roles.api ? await open(`${name} writes`, apiWritesMax) : database;
    const dispatchDatabase = roles.api && roles.dispatch ? await open('dispatch of serve') : database;
    const generated = roles.api ? await bootstrap(database, keyring, settings) : {};
    const plans = new PlanCache();
    const shared = { ...settings, database, hints, log, plans, clock: createClock() };
    const tokens = createCallbackTokens(settings.masterKey);
    const approvals = createApprovalTokens(settings.masterKey);
    const publicUrl = (settings.publicUrl ?? http?.url)?.replace(/\/+$/, '');
    const policy = { allow: settings.egressAllow, ownPorts: portsOf(http, scraped) };
    const addresses = createAddressPolicy(policy);
    const limits = limitsOf(settings);
    const checks = {
      limits,
      now: () => shared.clock.now(),
      url: (url: string) => checkUrl(url, addresses)?.message ?? null,
      header: (header: string, value: string) => checkHeader(header, value) ?? null,
    };
    const parts: Parts = { api: null, dispatcher: null, journal: null, plans };
    const metrics = createMetrics({
      gauges: () => gaugesOf(parts),
      onSlowStep: (slow) => log.warn(slow, 'a step was slow'),
    });
    scraped?.serve((request) => answerAside(request, metrics, () => notReady(parts.dispatcher)));

    if (roles.dispatch) {
      const gone = new GoneEndpoints(goneEndpointStore(database), log);
      const heapBytes = getHeapStatistics().heap_size_limit;
      const egress = createEgress({
        ...policy,
        connectionsPerOrigin: settings.connectionsPerOrigin,
        responseBytesMax: limits.resultBytesMax + envelopeBytesMax,
        answerBytesMax: heapShareOfAnswers * heapBytes,
      });
      const dispatcher = createDispatcher({
        ...shared,
        store: new PostgresDispatcherStore({ ...shared, database: dispatchDatabase }),
        egress,
        projects: new ProjectCache(keyring, checks),
        runBytesMax: heapShareOfRuns * heapBytes,
        inFlightBytesMax: heapShareOfRequests * heapBytes,
        limits,
        callbacks: publicUrl === undefined ? null : { tokens, approvals, publicUrl },
        isBusy: createBusyWatch(),
        onClaim: (durationMs, runs) => metrics.claimed(durationMs, runs),
        onFlush: (flush) => metrics.flushed(flush),
        onInbox: (commands) => metrics.read(commands),
        onCommit: (runUuid, events, run) => {
          parts.api?.committed(runUuid, events);
          metrics.committed(events, run);
          gone.committed(events, run);
          if (events.some(isWatched)) hints.notify('runs');
        },
      });
      parts.dispatcher = dispatcher;
      closers.unshift(() => egress.close());
      closers.unshift(() => gone.stop());
      const scheduler = new Scheduler({
        ...{
          hints,
          log,
          limits,
          runtime: shared.clock,
          backlogMax: settings.backlogMax ?? schedulerBacklogMax,
        },
        store: new PostgresScheduleStore(dispatchDatabase, plans),
        onTicks: metrics.ticked,
      });
      closers.unshift(() => dispatcher.stop(settings.grace * 1000));
      closers.unshift(() => scheduler.stop());
      await dispatcher.start();
      gone.start();
      scheduler.start();
    } else {
      const following = await followDatabaseClock(database, shared.clock);
      closers.unshift(() => clearInterval(following));
    }
    if (http) {
      const journal = new Journal({
        openLane: postgresLanes(databaseUrl),
        fence: null,
        onFlush: (flush) => metrics.flushed(flush),
      });
      const api = createApi({
        ...shared,
        writeDatabase,
        journal,
        dispatcher: parts.dispatcher,
        callbackTokens: tokens,
        approvalTokens: approvals,
        publicUrl: publicUrl ?? null,
        limits,
        checkUrl: checks.url,
        checkHeader: checks.header,
        ready: () => notReady(parts.dispatcher),
        metrics,
        now: () => shared.clock.now(),
      });
      parts.api = api;
      parts.journal = journal;
      closers.unshift(() => journal.close());
      closers.unshift(() => api.close());
      http.serve(api.fetch, api.refusalOf);
      // First of all: no new request is taken while the rest goes down.
      closers.unshift(() => stopListening(http));
    }
    return { url: http?.url ?? null, metricsUrl: scraped?.url ?? null, generated, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Connections for what the API writes beside its journal: keys, commands, definitions. */
const apiWritesMax = 4;

/** As an api's, which has a setting. */
const schedulerBacklogMax = 5000;

/** More are as many people cannot look at. */
const goneEndpointsMax = 10_000;

function goneEndpointStore(database: Database): GoneEndpointStore {
  return {
    mark: (endpoint) => markGone(database, endpoint),
    unmark: (project, url) => unmarkGone(database, project, url),
    list: async () => await goneEndpoints(database, goneEndpointsMax),
  };
}

/** The rest is for requests and answers in flight, the journal, and folds that the api keeps. */
const heapShareOfRuns = 1 / 4;
const heapShareOfRequests = 1 / 8;
const heapShareOfAnswers = 1 / 8;
/** Of an answer beside its result: what it adds, what it says of its error. */
const envelopeBytesMax = 64 * 1024;

const clockIntervalMs = 30_000;

/** A dispatcher's heartbeat brings the database's clock along; the api alone has to ask for it. */
async function followDatabaseClock(database: Database, clock: Clock): Promise<NodeJS.Timeout> {
  const read = async () => {
    const askedAt = clock.monotonic();
    clock.adjust(await databaseNowMs(database), askedAt);
  };
  await read();
  // A missed reading leaves the last one, carried forward.
  return setInterval(() => read().catch(() => {}), clockIntervalMs);
}

/** Others are told of ends and command outcomes only; steps in between are polled for. */
function isWatched(event: RunEvent): boolean {
  return event.type.startsWith('run.') || event.type.startsWith('command.');
}

const stuckMsMax = 5000;

function notReady(dispatcher: Dispatcher | null): string[] {
  if (!dispatcher) return [];
  const { journalStuckMs, isLeased } = dispatcher.stats;
  const problems = isLeased
    ? []
    : ['there is no lease: no heartbeat of this dispatcher has succeeded lately'];
  if (journalStuckMs > stuckMsMax) {
    problems.push(`the journal has been failing for ${Math.round(journalStuckMs)} ms`);
  }
  return problems;
}

/** Steps may not call these. */
function portsOf(...servers: readonly (HttpServer | null)[]): number[] {
  return servers.flatMap((server) => (server ? [server.port] : []));
}

/** `/metrics`, `/healthz` and `/readyz`, of a process without the API. */
async function answerAside(request: Request, metrics: Metrics, problems: () => string[]): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === '/metrics') {
    return new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } });
  }
  if (pathname === '/healthz') return Response.json({ status: 'ok' });
  if (pathname !== '/readyz') return new Response('not found\n', { status: 404 });
  const found = problems();
  const status = found.length === 0 ? 'ok' : 'unavailable';
  return Response.json({ status, problems: found }, { status: found.length === 0 ? 200 : 503 });
}

function stopListening(http: HttpServer): void {
  void http.close();
}
