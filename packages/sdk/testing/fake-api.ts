import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

/** What the fake answers; `hangUp` cuts the connection instead. */
export type FakeAnswer =
  | { status?: number; headers?: Record<string, string>; json?: unknown; text?: string }
  | { hangUp: true };

/** A server on a free port for one test. */
export async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers by `answers` in turn, the last one again and again, and remembers what came. */
export async function fakeApi(...answers: FakeAnswer[]): Promise<{ url: string; seen: SeenRequest[] }> {
  const seen: SeenRequest[] = [];
  const url = await listen(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const { method = '', url: path = '', headers } = request;
    seen.push({ method, url: path, headers, body: text === '' ? undefined : JSON.parse(text) });
    const answer = answers[Math.min(seen.length, answers.length) - 1] ?? {};
    if ('hangUp' in answer) {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.text ?? JSON.stringify(answer.json ?? {}));
  });
  return { url, seen };
}
