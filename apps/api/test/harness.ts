import { randomUUID } from 'node:crypto';
import { startTemporaryPostgres } from '@waybill/embedded';
import type { RunEvent } from '@waybill/engine';
import { defaultLimits, type Limits, uuidOfId } from '@waybill/protocol';
import {
  apiKeyPrefix,
  createApiKey,
  createApprovalTokens,
  createCallbackTokens,
  hashApiKey,
} from '@waybill/signing';
import {
  addKey,
  type Database,
  Hints,
  Journal,
  migrate,
  openDatabase,
  PlanCache,
  postgresLanes,
  type RunChange,
  upsertProject,
} from '@waybill/store';
import { pino } from 'pino';
import { afterAll, beforeAll, expect } from 'vitest';
import { type Api, createApi } from '../src/api.ts';
import type { ApiDeps, LocalDispatcher, Scope } from '../src/deps.ts';
import { type ApiDocument, answerSchemas } from './answer-schemas.ts';

export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

export interface Call {
  readonly key?: string | null;
  readonly headers?: Record<string, string>;
  /** A string or bytes go out as they are, anything else as JSON. */
  readonly body?: unknown;
}

/** The API on a PostgreSQL of its own, without a socket and without a dispatcher unless a test gives one. */
export class TestApi {
  readonly database: Database;
  readonly api: Api;
  readonly document: ApiDocument;
  /** The project `one`, with every right; `stranger` has every right in another project. */
  readonly admin: string;
  readonly stranger: string;
  dispatcher: LocalDispatcher | null = null;
  /** Codes of requests that were told to come again. */
  readonly refused: string[] = [];
  /** What the log was given. */
  readonly logged: string[];
  readonly #projects: Record<'one' | 'other', string>;
  readonly #journal: Journal;
  readonly #hints: Hints;
  readonly #stop: () => Promise<void>;
  readonly #check: ReturnType<typeof answerSchemas>;

  static async start(limits: Partial<Limits> = {}, deps: Partial<ApiDeps> = {}): Promise<TestApi> {
    const postgres = await startTemporaryPostgres();
    await migrate({ databaseUrl: postgres.url });
    const database = await openDatabase(postgres.url, { name: 'test' });
    const project = async (name: string, baseUrl: string | null) =>
      (await upsertProject(database, { uuid: randomUUID(), name, baseUrl })).uuid;
    const projects = { one: await project('one', 'http://base.test'), other: await project('other', null) };
    const stop = () => postgres.stop().then(() => {});
    const test = new TestApi({ url: postgres.url, database, projects, stop, limits, deps });
    Object.assign(test, {
      admin: await test.newKey(['admin']),
      stranger: await test.newKey(['admin'], 'other'),
    });
    await test.#describe();
    return test;
  }

  private constructor(options: {
    url: string;
    database: Database;
    projects: Record<'one' | 'other', string>;
    stop: () => Promise<void>;
    limits: Partial<Limits>;
    deps: Partial<ApiDeps>;
  }) {
    this.database = options.database;
    this.#projects = options.projects;
    this.#stop = options.stop;
    this.#journal = new Journal({ openLane: postgresLanes(options.url), fence: null });
    this.#hints = new Hints(options.url);
    this.logged = [];
    this.admin = '';
    this.stranger = '';
    const current = () => this.dispatcher;
    this.api = createApi({
      database: options.database,
      journal: this.#journal,
      hints: this.#hints,
      plans: new PlanCache(),
      limits: { ...defaultLimits, ...options.limits },
      log: pino({ level: 'warn' }, { write: (line: string) => void this.logged.push(line) }),
      dispatcher: {
        mayOwn: (project) => current()?.mayOwn(project) ?? false,
        startOwned: (run) => current()!.startOwned(run),
        poke: () => current()?.poke(),
      },
      // Nobody drives most runs of these tests: their commands are answered 202.
      outcomeWaitMs: 2000,
      callbackTokens: createCallbackTokens('the master key of the api tests'),
      approvalTokens: createApprovalTokens('the master key of the api tests'),
      publicUrl: null,
      checkUrl: (url) => (url.includes('forbidden') ? 'may not be reached' : null),
      checkHeader: (name) => (name === 'host' ? 'is reserved' : null),
      ready: () => [],
      metrics: {
        contentType: 'text/plain',
        text: async () => 'metrics 1\n',
        refused: (code) => void this.refused.push(code),
      },
      ...options.deps,
      now: () => Date.now(),
    });
    this.document = {} as ApiDocument;
    this.#check = answerSchemas(() => this.document);
  }

  async newKey(scopes: Scope[], project: 'one' | 'other' = 'one'): Promise<string> {
    const { key } = createApiKey();
    await addKey(this.database, {
      uuid: randomUUID(),
      projectUuid: this.#projects[project],
      name: 'test',
      prefix: apiKeyPrefix(key),
      hash: hashApiKey(key),
      scopes,
    });
    return key;
  }

  get projectUuid(): string {
    return this.#projects.one;
  }

  /** Every answer is held to the schema that the document declares for it. */
  async call<Body = Record<string, unknown>>(
    line: string,
    { key = this.admin, headers = {}, body }: Call = {},
  ): Promise<Answer<Body>> {
    const [method = '', path = ''] = line.split(' ', 2);
    const isRaw = typeof body === 'string' || body instanceof Uint8Array || body instanceof ReadableStream;
    const init: RequestInit & { duplex?: 'half' } = {
      method,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: isRaw ? (body as Exclude<RequestInit['body'], undefined>) : JSON.stringify(body) }),
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    };
    const response = await this.api.fetch(new Request(`http://api.test${path}`, init));
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const parsed: unknown = isJson ? JSON.parse(text) : text;
    const { status, headers: answered } = response;
    this.#check(method, path, { status, type: answered.get('content-type'), body: parsed });
    return { status, headers: answered, text, body: parsed as Body };
  }

  /** The problem that a call is answered with; anything else fails the test. */
  async problem(line: string, call: Call = {}): Promise<[status: number, code: string]> {
    const { status, headers, body } = await this.call(line, call);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(body).toMatchObject({ status, requestId: headers.get('x-request-id') });
    return [status, body.code as string];
  }

  /** Stores a workflow, or another version of it, and starts a run. */
  async start(definition: object = {}, headers: Record<string, string> = {}): Promise<string> {
    const body = { id: 'order', steps: [{ id: 'a', url: '/a' }], ...definition };
    const { status, text, body: run } = await this.call('POST /v1/workflows', { body, headers });
    if (status !== 201) throw new Error(text);
    return run.id as string;
  }

  /**
   * Writes journal rows as the owner of the run would, and tells the API as the owner in its process would;
   * one in another process would not.
   */
  async record(
    runId: string,
    events: RunEvent[],
    change?: RunChange,
    { isTold = true }: { isTold?: boolean } = {},
  ): Promise<void> {
    const uuid = uuidOfId('run', runId)!;
    const [row] = await this.database<{ seq: number }[]>`
      select max(seq) as seq from run_events where run_id = ${uuid}`;
    const run = { uuid, seq: row!.seq, isDiscarded: false };
    await this.#journal.append({ run, events, change, bytes: 100 });
    if (isTold) this.api.committed(uuid, events);
  }

  /** The run completes: its only step `a` answered. */
  async complete(runId: string, result = '{"ok":true}'): Promise<void> {
    const attempt = { delivery: 'step', step: 'a', attempt: 1 } as const;
    const events: RunEvent[] = [
      { type: 'run.started', at: 1000 },
      { type: 'step.completed', at: 3000, ...attempt, startedAt: 2000, status: 200, result },
      { type: 'run.completed', at: 3000 },
    ];
    const change = { state: 'completed', startedAtMs: 1000, finishedAtMs: 3000 };
    await this.record(runId, events, change);
  }

  stopDatabase(): Promise<void> {
    return this.#stop();
  }

  async stop(): Promise<void> {
    this.api.close();
    await this.#hints.close();
    await this.database.end({ timeout: 1 });
    await this.#journal.close();
    await this.#stop();
  }

  async #describe(): Promise<void> {
    const response = await this.api.fetch(new Request('http://api.test/openapi.json'));
    Object.assign(this.document, await response.json());
  }
}

/** A promise and its resolver: how a test holds what it has given away. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}

/** One API for the file it is called in. */
export function useApi(limits?: Partial<Limits>, deps?: Partial<ApiDeps>): { readonly now: TestApi } {
  let api: TestApi | undefined;
  beforeAll(async () => {
    api = await TestApi.start(limits, deps);
  });
  afterAll(() => api?.stop());
  return {
    get now() {
      if (!api) throw new Error('the API is not started yet');
      return api;
    },
  };
}
