import type { Problem } from '@waybill/protocol';
import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { gate } from '../test/harness.ts';
import { BodyBytes } from './body-bytes.ts';
import type { ApiEnv } from './deps.ts';

test('bodies of requests under way take as much memory together as they may', async () => {
  const bodies = new BodyBytes({ bytesMax: 1000, bytesUnderWayMax: 2500 });
  const answer = gate();
  const app = new Hono<ApiEnv>();
  app.use(bodies.limit);
  app.post('/held', async (c) => {
    await answer.opened;
    return c.text(await c.req.text());
  });
  app.get('/', (c) => c.text('fine'));
  app.onError((error, c) => c.text((error as Problem).code, (error as Problem).status));
  const post = (length: number | null) => {
    const headers: Record<string, string> = length === null ? {} : { 'content-length': String(length) };
    return app.request('/held', { method: 'POST', headers, body: 'x'.repeat(length ?? 10) });
  };

  // One that does not say how long it is may be as long as it may be.
  const held = [post(900), post(null)];
  expect(bodies.underWay).toBe(1900);
  const refused = await post(700);
  expect([refused.status, await refused.text()]).toEqual([503, 'unavailable']);
  expect((await app.request('/')).status).toBe(200);
  held.push(post(600));
  answer.open();
  expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(bodies.underWay).toBe(0);
});
