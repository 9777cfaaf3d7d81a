import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Api } from '@waybill/api';
import { CliError } from './cli-error.ts';

type RefusalOf = Api['refusalOf'];
type Fetch = (request: Request, env?: unknown) => Response | Promise<Response>;

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  /** Until then every request is answered 503. */
  serve(fetch: Fetch, refusalOf?: RefusalOf): void;
  /** Takes nothing new; resolves when what was open has been answered and read. */
  close(): Promise<void>;
  /** Closes, and cuts off whoever has not read their answer a second later. */
  end(): Promise<void>;
}

const endGraceMs = 1000;
/** Longer than any wait of ours: a connection on which nothing has moved has a reader that is gone, or never reads. */
const stalledMsDefault = 120_000;

const starting = () => new Response('starting\n', { status: 503, headers: { 'retry-after': '1' } });

/** Listens before anything else is built, because the egress has to know its own port. */
export async function listen(host: string, port: number, stalledMs = stalledMsDefault): Promise<HttpServer> {
  let handler: Fetch = starting;
  let refusalOf: RefusalOf = () => null;
  const answer = getRequestListener((request: Request, env: unknown) => handler(request, env));
  const timeouts = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 };
  const server = createServer(timeouts, (request, response) => {
    if (!isRefused(request, response, refusalOf)) void answer(request, response);
  });
  // Node goes by bytes: a slow reader is none that has stalled.
  server.timeout = stalledMs;
  await bound(server, host, port);
  const { port: actual } = server.address() as AddressInfo;
  return {
    port: actual,
    url: `http://${printable(host)}:${actual}`,
    serve(fetch, refusals = () => null) {
      handler = fetch;
      refusalOf = refusals;
    },
    close: () => closed(server),
    async end() {
      const cut = setTimeout(() => server.closeAllConnections(), endGraceMs);
      await closed(server);
      clearTimeout(cut);
    },
  };
}

/** Below hono: a request and an answer of the web cost more than all that such a refusal needs. */
function isRefused(request: IncomingMessage, response: ServerResponse, refusalOf: RefusalOf): boolean {
  const { method = '', url = '', headers } = request;
  const refusal = refusalOf({
    ...{ method, url, authorization: headers.authorization },
    length: headers['content-length'],
  });
  if (!refusal) return false;
  response.writeHead(refusal.status, refusal.headers).end(refusal.body);
  return true;
}

function printable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function bound(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      reject(isTaken ? new CliError(`Port ${port} is in use; choose another with --port.`) : error);
    });
    server.listen(port, host, () => resolve());
  });
}

/** Answers what is open, then ends; connections that are only kept alive are closed at once. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
