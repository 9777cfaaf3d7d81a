import type { AddressInfo } from 'node:net';
import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { CliError } from './cli-error.ts';

type Fetch = (request: Request, env?: unknown) => Response | Promise<Response>;

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  /** Until then every request is answered 503. */
  serve(fetch: Fetch): void;
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
  const server = createAdaptorServer({
    fetch: (request: Request, env: unknown) => handler(request, env),
    serverOptions: { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 65_000 },
  });
  // Node goes by bytes: a slow reader is none that has stalled.
  if ('timeout' in server) server.timeout = stalledMs;
  await bound(server, host, port);
  const { port: actual } = server.address() as AddressInfo;
  return {
    port: actual,
    url: `http://${printable(host)}:${actual}`,
    serve(fetch) {
      handler = fetch;
    },
    close: () => closed(server),
    async end() {
      const cut = setTimeout(() => cutConnections(server), endGraceMs);
      await closed(server);
      clearTimeout(cut);
    },
  };
}

function cutConnections(server: ServerType): void {
  if ('closeAllConnections' in server) server.closeAllConnections();
}

function printable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function bound(server: ServerType, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === 'EADDRINUSE';
      reject(isTaken ? new CliError(`Port ${port} is in use; choose another with --port.`) : error);
    });
    server.listen(port, host, () => resolve());
  });
}

/** Answers what is open, then ends; connections that are only kept alive are closed at once. */
function closed(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if ('closeIdleConnections' in server) server.closeIdleConnections();
  });
}
