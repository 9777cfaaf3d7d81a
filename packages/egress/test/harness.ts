import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { createEgress, type Egress, type EgressOptions, type EgressRequest } from '../src/egress.ts';

const closers: (() => Promise<void>)[] = [];

/** For afterEach. */
export async function cleanUp(): Promise<void> {
  await Promise.all(closers.splice(0).map((close) => close()));
}

/** A dev-like egress: loopback is allowed. */
export function egressFor(options: Partial<EgressOptions> = {}): Egress {
  const egress = createEgress({ allow: ['127.0.0.0/8', '::1/128'], ...options });
  closers.push(() => egress.close());
  return egress;
}

export function request(url: string, change: Partial<EgressRequest> = {}): EgressRequest {
  return {
    url,
    headers: { 'content-type': 'application/json' },
    body: '{"a":1}',
    timeoutMs: 10_000,
    ...change,
  };
}

export interface Received {
  message: IncomingMessage;
  body: string;
}

export interface TestServer {
  url: string;
  port: number;
  /** What arrived completely. */
  received: Received[];
  server: Server;
}

/** An HTTP server on a free port that reads each request to its end and then answers it with `listener`. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const received: Received[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => chunks.push(chunk));
    message.on('end', () => {
      received.push({ message, body: Buffer.concat(chunks).toString() });
      listener(message, response);
    });
  });
  const port = await listen(server);
  closers.push(async () => {
    server.closeAllConnections();
    await closed(server);
  });
  return { url: `http://127.0.0.1:${port}/`, port, received, server };
}

/** A TCP server, for answers that no HTTP server would give. */
export async function serveTcp(
  onSocket: (socket: Socket) => void,
): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.resume(); // or it would not notice that the other side closes
    onSocket(socket);
  });
  const port = await listen(server);
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    await closed(server);
  });
  return { port, sockets };
}

/** A port of loopback on which nobody listens. */
export async function deadPort(): Promise<number> {
  const server = createTcpServer();
  const port = await listen(server);
  await closed(server);
  return port;
}

export function listen(server: NetServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function closed(server: NetServer): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
