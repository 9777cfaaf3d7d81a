import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a handler got from Waybill, and when. Times with `At` are `performance.now()` of this process. */
export interface SeenRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** The body's exact text: what the signature is over. */
  readonly raw: string;
  // Bodies are of many shapes and each test looks into its own.
  readonly body: Message;
  readonly receivedAt: number;
  readonly receivedEpochMs: number;
  /** When the answer was handed to the socket; null while the handler still works, or when the caller left. */
  answeredAt: number | null;
  /** The caller closed the connection before it was answered. */
  isAborted: boolean;
}

/** The request of a step, a compensation or a hook; which members there are depends on which it is. */
export interface Message {
  readonly type?: string;
  readonly context: Record<string, unknown>;
  readonly previousSteps: Record<string, { success: boolean; result: unknown; error: unknown }>;
  readonly payload?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string; readonly stepId?: string } | null;
  readonly [member: string]: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string goes out as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly delayMs?: number;
}

/** A function may wait for a promise, so that a test decides when the answer comes. */
export type Program = Answer | ((request: SeenRequest) => Answer | Promise<Answer>);

/** One mock server for all handlers of a test file. Each path answers as programmed, else `{ok: true}`. */
export class Handlers {
  readonly url: string;
  readonly #server;
  readonly #programs = new Map<string, Program[]>();
  #seen: SeenRequest[] = [];
  readonly #changed = new EventEmitter().setMaxListeners(0);

  static async start(): Promise<Handlers> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Handlers(server);
  }

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  /** Answers for the requests of a path, one after the other; the last one repeats. */
  on(path: string, ...programs: Program[]): this {
    this.#programs.set(path, programs);
    return this;
  }

  /** Requests of one path, or all, in order of arrival. */
  requests(path?: string): SeenRequest[] {
    return path === undefined ? [...this.#seen] : this.#seen.filter((request) => request.path === path);
  }

  /** The paths of all requests in order of arrival. */
  paths(): string[] {
    return this.#seen.map((request) => request.path);
  }

  /** Resolves when the path has had `count` requests; the test's own timeout is the limit. */
  async waitFor(path: string, count = 1): Promise<SeenRequest[]> {
    while (this.requests(path).length < count) await once(this.#changed, 'change');
    return this.requests(path);
  }

  reset(): void {
    this.#seen = [];
    this.#programs.clear();
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await readRequest(message);
    response.on('close', () => {
      request.isAborted = !response.writableFinished;
      this.#changed.emit('change');
    });
    this.#seen.push(request);
    const program = this.#programFor(request);
    this.#changed.emit('change');
    const answer = typeof program === 'function' ? await program(request) : program;
    const { status = 200, headers = {}, body = { ok: true }, delayMs = 0 } = answer;
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (response.destroyed) return;
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    request.answeredAt = performance.now();
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }

  #programFor({ path }: SeenRequest): Program {
    const programs = this.#programs.get(path) ?? [];
    return programs[Math.min(this.requests(path).length, programs.length) - 1] ?? {};
  }
}

async function readRequest(message: IncomingMessage): Promise<SeenRequest> {
  const receivedAt = performance.now();
  const receivedEpochMs = Date.now();
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const raw = Buffer.concat(chunks).toString('utf8');
  return {
    path: message.url ?? '',
    method: message.method ?? '',
    headers: message.headers,
    raw,
    body: JSON.parse(raw) as Message,
    receivedAt,
    receivedEpochMs,
    answeredAt: null,
    isAborted: false,
  };
}

/** A promise and its resolver: how a test holds a handler until it has seen enough. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
