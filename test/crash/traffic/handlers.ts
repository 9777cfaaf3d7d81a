import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LoggedRequest } from '../../support/oracle.ts';

/** `null`: not before `release`. */
export type LoadAnswer = {
  readonly status?: number;
  readonly body?: string | Buffer;
  readonly delayMs?: number;
  /** So many bytes of the body are sent, the rest not before `release`. */
  readonly part?: number;
} | null;

const fine = '{"success":true,"result":{"ok":1}}';

/** Handlers that cost little, so that the load is on Waybill: bodies are not looked into, requests are logged. */
export class LoadHandlers {
  readonly url: string;
  readonly requests: LoggedRequest[] = [];
  /** Told of each request that has come. */
  onRequest: (request: LoggedRequest) => void = () => {};
  readonly #server: Server;
  readonly #held: ServerResponse[] = [];
  /** What is left to send of answers that have begun. */
  readonly #halves = new Map<ServerResponse, Buffer>();
  readonly #answers = new Map<string, (request: LoggedRequest) => LoadAnswer>();

  static async start(): Promise<LoadHandlers> {
    const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new LoadHandlers(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request, response) => this.#serve(request, response));
  }

  /** How a path is answered from now on. */
  on(path: string, answer: (request: LoggedRequest) => LoadAnswer): void {
    this.#answers.set(path, answer);
  }

  /** Requests that wait for an answer. */
  get held(): number {
    return this.#held.filter(({ destroyed }) => !destroyed).length;
  }

  /** Answers that have begun, and do not go on. */
  get halves(): number {
    return [...this.#halves.keys()].filter(({ destroyed }) => !destroyed).length;
  }

  /** Answers all that wait. */
  release(body: string = fine): void {
    for (const [response, rest] of this.#halves) response.end(rest);
    this.#halves.clear();
    for (const response of this.#held.splice(0)) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    }
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #serve(message: IncomingMessage, response: ServerResponse): void {
    const atMs = Date.now();
    message.resume().on('end', () => {
      const request = logged(message, atMs);
      this.requests.push(request);
      this.onRequest(request);
      const answer = this.#answers.get(message.url!)?.(request);
      if (answer === null) return void this.#held.push(response);
      const { status = 200, body = fine, delayMs = 0, part } = answer ?? {};
      const send = () => {
        if (part !== undefined) return this.#begin(response, Buffer.from(body), part);
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(body);
      };
      if (delayMs > 0) setTimeout(send, delayMs);
      else send();
    });
  }

  #begin(response: ServerResponse, body: Buffer, part: number): void {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.write(body.subarray(0, part));
    this.#halves.set(response, body.subarray(part));
  }
}

function logged({ headers, url }: IncomingMessage, atMs: number): LoggedRequest {
  const step = headers['waybill-step'] as string | undefined;
  return {
    ...{ webhookId: headers['webhook-id'] as string, attempt: Number(headers['waybill-attempt']) },
    ...{ atMs, url: url!, runId: headers['waybill-run'] as string },
    kind: step === undefined ? 'hook' : 'step',
    ...(step === undefined ? {} : { step }),
  };
}
