import { getRequestListener } from '@hono/node-server';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listen } from '../testing/fake-api.ts';
import { signedInit, signingSecret } from '../testing/signed-request.ts';
import { Waybill } from './index.ts';
import { toNodeHandler } from './node.ts';

const { jobs } = new Waybill({ signingSecret });
const handler = jobs.handler(({ context, request }) => ({ context, path: new URL(request.url).pathname }));
const nodeHandler = toNodeHandler(handler);
const post = (url: string, init: RequestInit = signedInit()) => fetch(`${url}/jobs/charge`, init);
const expected = { success: true, result: { context: { orderId: 'order_123' }, path: '/jobs/charge' } };

const frameworks: Record<string, () => Promise<string>> = {
  'node:http': () => listen(nodeHandler),
  Express: () => listen(express().post('/jobs/charge', nodeHandler)),
  'Express, mounted in a router': () =>
    listen(express().use('/jobs', express.Router().post('/charge', nodeHandler))),
  'Express after express.raw()': () =>
    listen(
      express()
        .use(express.raw({ type: '*/*' }))
        .post('/jobs/charge', nodeHandler),
    ),
  'Express after express.text()': () =>
    listen(
      express()
        .use(express.text({ type: '*/*' }))
        .post('/jobs/charge', nodeHandler),
    ),
  Hono: () => {
    const app = new Hono().post('/jobs/charge', (c) => handler(c.req.raw));
    return listen(getRequestListener(app.fetch));
  },
  Fastify: async () => {
    const app = Fastify();
    onTestFinished(() => app.close());
    await app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
      scope.post('/jobs/charge', async (request, reply) => {
        reply.hijack();
        await toNodeHandler(handler)(request.raw, reply.raw);
      });
    });
    return app.listen({ port: 0, host: '127.0.0.1' });
  },
};

describe.each(Object.entries(frameworks))('%s', (_name, start) => {
  test('runs a genuine request and refuses a forged one', async () => {
    const url = await start();
    const answer = await post(url);
    expect([answer.status, await answer.json()]).toEqual([200, expected]);
    expect((await post(url, { ...signedInit(), body: '{"context":{}}' })).status).toBe(401);
  });
});

describe('a body that was parsed before', () => {
  test('is a clear error to Express', async () => {
    const errors: unknown[] = [];
    const app = express()
      .use(express.json())
      .post('/jobs/charge', nodeHandler)
      .use(((error, _request, response, _next) => {
        errors.push(error);
        response.status(500).end();
      }) as express.ErrorRequestHandler);
    expect((await post(await listen(app))).status).toBe(500);
    expect(errors).toMatchObject([
      { code: 'body_already_read', message: expect.stringContaining('express.json()') },
    ]);
  });

  test('is a clear answer where there is no next', async () => {
    const url = await listen(async (request, response) => {
      for await (const _ of request);
      await nodeHandler(request, response);
    });
    const answer = await post(url);
    expect(answer.status).toBe(500);
    expect(await answer.json()).toMatchObject({ code: 'body_already_read' });
  });
});

test.each([
  ['with a length', () => signedInit().body],
  ['in chunks', () => new Blob([signedInit().body]).stream()],
])('a body above the limit, sent %s, is answered 413', async (_name, body) => {
  const url = await listen(toNodeHandler(handler, { bodyBytesMax: 10 }));
  const answer = await post(url, { ...signedInit(), body: body(), duplex: 'half' } as RequestInit);
  expect([answer.status, await answer.json()]).toMatchObject([413, { code: 'payload_too_large' }]);
});

test('the request is aborted when the caller hangs up', async () => {
  const hangUp = new AbortController();
  const { promise: aborted, resolve: onAbort } = deferred();
  const url = await listen(
    toNodeHandler(async (request) => {
      request.signal.addEventListener('abort', onAbort);
      hangUp.abort();
      await aborted;
      return new Response();
    }),
  );
  await expect(post(url, { ...signedInit(), signal: hangUp.signal })).rejects.toThrow();
  await aborted;
});

test('an error of the web handler is not shown to the caller', async () => {
  const url = await listen(toNodeHandler(() => Promise.reject(new Error('password is hunter2'))));
  const answer = await post(url);
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain('hunter2');
});

test('a GET and several cookies pass', async () => {
  const url = await listen(
    toNodeHandler(async (request) => {
      const headers = new Headers([
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ]);
      return new Response(`${request.method} ${new URL(request.url).pathname}`, { headers });
    }),
  );
  const answer = await fetch(`${url}/x`);
  expect(await answer.text()).toBe('GET /x');
  expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
});

function deferred() {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
