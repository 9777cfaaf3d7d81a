import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LoggedRequest } from '../support/oracle.ts';
import { createRandom, hashOf, type Random } from '../support/random.ts';

/** What is done for a step that was answered `pending`. */
export interface PendingStep {
  readonly runId: string;
  readonly step: string;
  readonly attempt: number;
  /** Of the callback URL: behind whichever api there is. */
  readonly path: string;
}

export interface MockEvents {
  /** The run has got a request: it moves. */
  readonly onMove: (runId: string) => void;
  /** Its hook has come; `type` as in its body. */
  readonly onHook: (runId: string, type: string) => void;
  readonly onPending: (step: PendingStep) => void;
}

interface Body {
  readonly type?: string;
  readonly callback?: { readonly url: string };
}

/** The handlers of all runs: logs every request, and answers by its path and by chance that repeats. */
export class Mock {
  readonly url: string;
  readonly requests: LoggedRequest[] = [];
  /** Those without an answer yet. */
  readonly open = new Set<LoggedRequest>();
  /** Those that were answered for good: there is nothing to ask a second time. */
  readonly settled = new Set<LoggedRequest>();
  /** By how much each request was signed for another time than it came, in ms. */
  readonly skews: number[] = [];
  /** Runs whose step, or hook, `/heals` answers from now on. */
  readonly healed = new Set<string>();
  readonly #hooksTaken = new Set<string>();
  /** Whether 503 answers and slow ones are dealt out. */
  isFlaky = true;
  events: MockEvents = { onMove() {}, onHook() {}, onPending() {} };
  readonly #server: Server;
  readonly #seed: number;

  static async start(seed: number): Promise<Mock> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new Mock(server, seed);
  }

  private constructor(server: Server, seed: number) {
    this.#server = server;
    this.#seed = seed;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  /** A hook of this run has been answered well. */
  hasTakenHook(runId: string): boolean {
    return this.#hooksTaken.has(runId);
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const atMs = Date.now();
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Body;
    const request = logged(message, body, atMs);
    this.requests.push(request);
    this.skews.push(Number(message.headers['webhook-timestamp']) * 1000 - atMs);
    this.events.onMove(request.runId);
    if (request.kind === 'hook') this.events.onHook(request.runId, body.type!);
    const answer = this.#answer(request, message.url!);
    if (request.kind === 'hook' && answer.status === 200) this.#hooksTaken.add(request.runId);
    if (answer.status < 500) this.settled.add(request);
    this.open.add(request);
    if (answer.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, answer.delayMs));
    this.open.delete(request);
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.body);
    if (answer.status === 202) {
      const { pathname: path } = new URL(body.callback!.url);
      const { runId, step, attempt } = request;
      this.events.onPending({ runId, step: step!, attempt, path });
    }
  }

  #answer({ runId, step, attempt, kind }: LoggedRequest, path: string): MockAnswer {
    const random = createRandom(hashOf(`${this.#seed}/${runId}/${kind}/${step}/${attempt}`));
    const delayMs = this.#delayMs(path, random);
    const failed = (status: number) => ({ status, delayMs, body: '{"message":"as asked"}' });
    if (path === '/refuse' || (path === '/heals' && !this.healed.has(runId))) return failed(422);
    if (path === '/pending') return { status: 202, delayMs, headers: { 'waybill-callback': 'pending' } };
    if (path === '/once' && attempt === 1) return failed(503);
    if (path === '/flaky' && this.isFlaky && random.chance(0.1)) return failed(503);
    return { status: 200, delayMs, body: JSON.stringify({ success: true, result: { step, attempt } }) };
  }

  #delayMs(path: string, random: Random): number {
    if (path === '/late') return 150;
    if (path === '/long') return random.between(500, 1500);
    return path === '/slow' && this.isFlaky ? random.between(20, 200) : 0;
  }
}

interface MockAnswer {
  readonly status: number;
  readonly delayMs: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function logged({ headers, url }: IncomingMessage, { type }: Body, atMs: number): LoggedRequest {
  const header = (name: string) => String(headers[name]);
  const isHook = type?.startsWith('workflow.') === true;
  const kind = isHook ? 'hook' : type === 'compensation' ? 'compensation' : 'step';
  return {
    webhookId: header('webhook-id'),
    attempt: Number(header('waybill-attempt')),
    atMs,
    url: url!,
    kind,
    runId: header('waybill-run'),
    ...(isHook ? {} : { step: header('waybill-step') }),
  };
}
