/** `@waybill/sdk/node`: web handlers on `node:http` and on what is built on it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { problemAnswer } from './answer.ts';
import { ConfigError, WaybillError } from './errors.ts';
import type { WebHandler } from './job.ts';

export interface NodeHandlerOptions {
  /** A longer body is answered 413. Default 16 MiB; Waybill sends at most 4 MiB unless configured otherwise. */
  readonly bodyBytesMax?: number;
}

/** For `http.createServer(…)` and `app.post(path, …)`. Never rejects. */
export type NodeHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error: unknown) => void,
) => Promise<void>;

/** What body parsers leave behind, and what Express keeps of the URL under a mounted router. */
type ParsedRequest = IncomingMessage & { body?: unknown; rawBody?: unknown; originalUrl?: string };

const BODY_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Runs a web handler on a Node request. The signature is over the bytes of the body, so they must be there:
 * unread, or kept as a Buffer or string by a raw body parser. An error goes to Express's `next`, if there is one.
 */
export function toNodeHandler(handler: WebHandler, options: NodeHandlerOptions = {}): NodeHandler {
  const { bodyBytesMax = BODY_BYTES_MAX } = options;
  return async (request, response, next) => {
    try {
      const body = await rawBodyOf(request, bodyBytesMax);
      await write(
        response,
        body ? await handler(toWebRequest(request, response, body)) : tooLarge(bodyBytesMax),
      );
    } catch (error) {
      if (next) next(error);
      else await write(response, failed(error));
    }
  };
}

/** The body as it came; undefined when it is too long. */
async function rawBodyOf(request: ParsedRequest, bytesMax: number): Promise<Buffer | undefined> {
  if (request.readableDidRead) return keptBody(request);
  const chunks: Buffer[] = [];
  // Destroying the request would take the connection away from under the 413.
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function keptBody({ body, rawBody }: ParsedRequest): Buffer {
  for (const kept of [rawBody, body]) {
    if (typeof kept === 'string' || kept instanceof Uint8Array) return Buffer.from(kept as Uint8Array);
  }
  throw new ConfigError(
    'body_already_read',
    'the body was parsed before its signature could be verified: mount this handler before express.json(), ' +
      "or parse its path with express.raw({ type: '*/*' })",
  );
}

function toWebRequest(request: ParsedRequest, response: ServerResponse, body: Buffer): Request {
  const { method = 'GET', rawHeaders } = request;
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (!name.startsWith(':')) headers.append(name, rawHeaders[i + 1]!);
  }
  const abort = new AbortController();
  response.once('close', () => abort.abort());
  const hasBody = method !== 'GET' && method !== 'HEAD';
  return new Request(urlOf(request), {
    method,
    headers,
    signal: abort.signal,
    ...(hasBody ? { body: new Uint8Array(body) } : {}),
  });
}

/** `Host` is the client's to write; a handler must not fail on a bad one. */
function urlOf({ headers, originalUrl, url = '/' }: ParsedRequest): string {
  const path = originalUrl ?? url;
  const full = `http://${headers.host}${path}`;
  return URL.canParse(full) ? full : `http://localhost${path.startsWith('/') ? path : '/'}`;
}

async function write(response: ServerResponse, answer: Response): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer());
  response.statusCode = answer.status;
  response.setHeaders(answer.headers);
  response.end(body);
}

function tooLarge(bytesMax: number): Response {
  return problemAnswer({
    status: 413,
    title: 'Content Too Large',
    code: 'payload_too_large',
    detail: `the body is longer than bodyBytesMax, ${bytesMax} bytes`,
    headers: { connection: 'close' },
  });
}

/** Errors of this package say what to put right and hold no secrets; others stay inside. */
function failed(error: unknown): Response {
  const isOurs = error instanceof WaybillError;
  return problemAnswer({
    status: 500,
    title: 'Internal Server Error',
    code: isOurs ? error.code : 'internal_error',
    detail: isOurs ? error.message : 'the handler failed before it could answer',
  });
}
