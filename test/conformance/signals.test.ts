/** Row 75, and what waits without sending: `waitFor`, `sleep`, approval links. */
import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();

const signal = (run: string, name: string, payload?: unknown) =>
  platform.now.client.api<{ code: string }>('POST', `/v1/runs/${run}/signals/${name}`, { payload });

const waiting = (id: string, wait: object = {}) => ({
  id,
  steps: [
    { id: 'before', url: '/before' },
    { id: 'wait', waitFor: { signal: 'approved', ...wait }, dependsOn: ['before'] },
    { id: 'after', url: '/after', dependsOn: ['wait'] },
  ],
});

test('75 a signal sent during the wait ends it with its payload', async () => {
  const { client, handlers } = platform.now;
  const { id } = await client.run(waiting('during'));
  const run = await client.until(id, ({ steps }) => steps[1]!.phase === 'signal');
  expect(run.steps[1]).toMatchObject({ state: 'waiting', waitFor: { signal: 'approved' } });
  expect(await signal(id, 'other')).toMatchObject({ status: 200 });
  expect(await signal(id, 'approved', { by: 'Ada' })).toMatchObject({ status: 200 });
  const ended = await client.ended(id);
  expect([ended.state, ended.results.wait]).toEqual(['completed', { by: 'Ada' }]);
  expect(handlers.requests('/after')[0]!.body.previousSteps).toMatchObject({
    wait: { result: { by: 'Ada' } },
  });
});

test('75 a signal sent before the wait is kept for it; two are taken in order by two waits', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/before', async ({ body }) => {
    const { id } = body.run as { id: string };
    expect(await signal(id, 'approved', 'first')).toMatchObject({ status: 200 });
    expect(await signal(id, 'approved', 'second')).toMatchObject({ status: 200 });
    return {};
  });
  const { steps, id } = waiting('early');
  const again = { id: 'again', waitFor: 'approved', dependsOn: ['wait'] };
  const run = await client.runToEnd({ id, steps: [...steps, again] });
  expect(run.results).toMatchObject({ wait: 'first', again: 'second' });
});

test('75 after the wait a signal changes nothing, and a run that has ended takes none', async () => {
  const { client, handlers } = platform.now;
  let answer: (() => void) | undefined;
  handlers.on(
    '/after',
    () =>
      new Promise((resolve) => {
        answer = () => resolve({});
      }),
  );
  const { id } = await client.run(waiting('late'));
  await client.until(id, ({ steps }) => steps[1]!.phase === 'signal');
  await signal(id, 'approved', 1);
  await handlers.waitFor('/after');
  expect(await signal(id, 'approved', 2)).toMatchObject({ status: 200 });
  answer!();
  expect((await client.ended(id)).results.wait).toBe(1);
  expect(await signal(id, 'approved', 3)).toMatchObject({ status: 409, body: { code: 'run_ended' } });
});

test('75 on timeout the declared default is the result; without one the step fails', async () => {
  const { client } = platform.now;
  const defaulted = await client.runToEnd(waiting('default', { timeout: 0.2, default: { approved: false } }));
  expect([defaulted.state, defaulted.results.wait]).toEqual(['completed', { approved: false }]);
  const failed = await client.runToEnd(waiting('no-default', { timeout: 0.2 }));
  expect(failed.steps[1]).toMatchObject({ state: 'failed', error: { code: 'signal_timeout' } });
  expect(failed.steps[2]).toMatchObject({ state: 'skipped', reason: 'upstream_failed' });
});

test('75 a wait outlives the process that held it', async () => {
  const { client } = platform.now;
  const { id } = await client.run(waiting('restart'));
  await client.until(id, ({ steps }) => steps[1]!.phase === 'signal');
  await platform.now.kill();
  await platform.now.restart();
  expect([200, 202]).toContain((await signal(id, 'approved', 'back')).status);
  expect((await client.ended(id)).results.wait).toBe('back');
});

test('a sleep counts from readiness, sends nothing, and shows what it does', async () => {
  const { client, handlers } = platform.now;
  const { id } = await client.run({
    id: 'sleeping',
    steps: [
      { id: 'before', url: '/before' },
      { id: 'nap', sleep: '500ms', dependsOn: ['before'] },
      { id: 'after', url: '/after', dependsOn: ['nap'] },
    ],
  });
  const asleep = await client.until(id, ({ steps }) => steps[1]!.state === 'waiting');
  expect(asleep.steps[1]).toMatchObject({ phase: 'sleeping', sleep: 0.5, url: null });
  const run = await client.ended(id);
  expect([run.state, run.results.nap]).toEqual(['completed', null]);
  const [before] = handlers.requests('/before');
  const [after] = handlers.requests('/after');
  expect(after!.receivedAt - before!.answeredAt!).toBeGreaterThanOrEqual(490);
});

test('an approval link: the request above the wait carries it, its page asks, and its answer ends the wait', async () => {
  const { client, handlers } = platform.now;
  const { id } = await client.run(waiting('approval'));
  const [request] = await handlers.waitFor('/before');
  const { url } = (request!.body.approvals as Record<string, { url: string }>).wait!;
  const page = await fetch(url);
  expect([page.status, page.headers.get('content-security-policy')]).toMatchObject([
    200,
    expect.stringContaining("form-action 'self'"),
  ]);
  expect(await page.text()).toContain('Approve');
  const form = new URLSearchParams({ approved: 'true', comment: '<b>fine</b>' });
  expect((await fetch(url, { method: 'POST', body: form })).status).toBe(200);
  const run = await client.ended(id);
  expect(run.results.wait).toEqual({ approved: true, comment: '<b>fine</b>' });
  const again = await fetch(url, { method: 'POST', body: form });
  expect([again.status, again.headers.get('content-type')]).toEqual([409, 'text/html; charset=UTF-8']);
  expect(await again.text()).toContain('Nothing is left to decide: this step is completed.');
  expect(await (await fetch(url)).text()).toContain('Nothing is left to decide');
  const none = await fetch(`${url}x`);
  expect([none.status, await none.text()]).toMatchObject([404, expect.stringContaining('no such decision')]);
});

test('a link can be had by API too; an empty body approves', async () => {
  const { client } = platform.now;
  const { id } = await client.run(waiting('link'));
  await client.until(id, ({ steps }) => steps[1]!.phase === 'signal');
  const link = await client.api<{ url: string }>('POST', `/v1/runs/${id}/steps/wait/approval`);
  expect(link.status).toBe(200);
  expect((await fetch(link.body.url, { method: 'POST' })).status).toBe(200);
  expect((await client.ended(id)).results.wait).toEqual({ approved: true });
  expect((await client.api('POST', `/v1/runs/${id}/steps/before/approval`)).status).toBe(404);
});
