import { Waybill, type WorkflowEvent } from '@waybill/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../support/client.ts';
import { type Ground, startGround } from '../support/ground.ts';
import { gate, type Handlers } from '../support/handlers.ts';
import { type ServeProcess, startWaybill } from '../support/serve.ts';

/** An `api` that drives nothing and a `dispatch` that answers nobody, as on two machines. */
let api: ServeProcess;
let dispatcher: ServeProcess;
let handlers: Handlers;
let client: ApiClient;
let sdk: Waybill;
let startApi: () => Promise<ServeProcess>;
let ground: Ground;

beforeAll(async () => {
  ground = await startGround();
  handlers = ground.handlers;
  const { env } = ground;
  startApi = () => startWaybill(['api', '--port', '0', '--host', '127.0.0.1'], env);
  [api, dispatcher] = await Promise.all([startApi(), startWaybill(['dispatch', '--metrics-port', '0'], env)]);
  client = new ApiClient(() => api.url, ground.apiKey);
  // As behind a load balancer: whichever api there is.
  const balanced = (url: string, init: RequestInit) => {
    const { pathname, search } = new URL(url);
    return fetch(new URL(pathname + search, api.url), init);
  };
  sdk = new Waybill({ url: api.url, apiKey: ground.apiKey, fetch: balanced });
});

afterAll(async () => {
  await Promise.all([api.stop(), dispatcher.stop()]);
  await ground.stop();
});

/** Holds a step until the test lets it go. */
async function startHeld(id: string) {
  const held = gate();
  handlers.on('/held', async () => {
    await held.opened;
    return {};
  });
  const steps = [
    { id: 'held', url: '/held' },
    { id: 'after', url: '/after', dependsOn: ['held'] },
  ];
  const run = await client.run({ id, steps });
  await handlers.waitFor('/held');
  return { id: run.id, held };
}

test('a run is followed through an api that does not drive it; its steps are counted where they ran', async () => {
  const { id, held } = await startHeld('followed');
  const followed = client.events(id);
  held.open();
  const ends = (await followed).filter(({ event }) => event === 'step.completed');
  expect(ends.map(({ data }) => data.step)).toEqual(['held', 'after']);
  const [metricsUrl] = /http:\S+\/metrics/.exec(dispatcher.log())!;
  const text = await (await fetch(metricsUrl)).text();
  expect(text).toContain('waybill_step_duration_seconds_count{workflow="followed"} 2\n');
  expect((await fetch(metricsUrl.replace('metrics', 'v1/runs'))).status).toBe(404);
  const ready = await fetch(metricsUrl.replace('metrics', 'readyz'));
  expect([ready.status, await ready.json()]).toEqual([200, { status: 'ok', problems: [] }]);
  expect((await client.metrics()).get('waybill_runs_ended_total{state="completed"}')).toBe(0);
});

test('a client that goes away gives its stream back', async () => {
  handlers.reset();
  const { id, held } = await startHeld('abandoned');
  const leaving = new AbortController();
  const events = sdk.workflows.events(id, { signal: leaving.signal });
  expect((await events.next()).value).toMatchObject({ type: 'run.created' });
  const open = async () => (await client.metrics()).get('waybill_event_streams_open');
  expect(await open()).toBe(1);
  leaving.abort();
  while ((await open()) !== 0);
  held.open();
  await client.ended(id);
});

test('an api that is asked to stop ends its streams; another goes on where they were', async () => {
  handlers.reset();
  const { id, held } = await startHeld('handed-over');
  const seen: WorkflowEvent[] = [];
  const begun = gate();
  const following = (async () => {
    for await (const event of sdk.workflows.events(id)) {
      seen.push(event);
      begun.open();
    }
  })();
  await begun.opened;
  expect(await api.stop()).toBe(0);
  api = await startApi();
  held.open();
  await following;
  const journal = await client.events(id);
  expect(seen.map(({ seq, type }) => [seq, type])).toEqual(journal.map(({ data }) => [data.seq, data.type]));
  expect(seen.at(-1)).toMatchObject({ type: 'run.completed' });
});
