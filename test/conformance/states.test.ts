/** Row 11: on an api without a dispatcher, so that a run stays pending for as long as the test wants. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ApiClient } from '../support/client.ts';
import { type Ground, startGround } from '../support/ground.ts';
import { gate, type Handlers } from '../support/handlers.ts';
import { type ServeProcess, startWaybill } from '../support/serve.ts';

let api: ServeProcess;
let startDispatcher: () => Promise<ServeProcess>;
let handlers: Handlers;
let client: ApiClient;
let ground: Ground;

beforeAll(async () => {
  ground = await startGround();
  handlers = ground.handlers;
  const { env } = ground;
  api = await startWaybill(['api', '--port', '0', '--host', '127.0.0.1'], env);
  startDispatcher = () => startWaybill(['dispatch'], env);
  client = new ApiClient(() => api.url, ground.apiKey);
});

afterAll(async () => {
  await api.stop();
  await ground.stop();
});

test.each([
  ['completed', 200],
  ['failed', 400],
])('11 polled states only move pending → running → %s', async (end, status) => {
  handlers.reset();
  const held = gate();
  handlers.on('/a', async () => {
    await held.opened;
    return { status };
  });
  const created = await client.run({ id: 'states', steps: [{ id: 'a', url: '/a' }] });
  const states = [created.state];
  const poll = (until: string) =>
    client.until(created.id, ({ state }) => {
      if (states.at(-1) !== state) states.push(state);
      return state === until;
    });
  await poll('pending');
  const dispatcher = await startDispatcher();
  try {
    await poll('running');
    held.open();
    await poll(end);
    // The end is final: it is still the same once the last of the run is over.
    await client.done(created.id);
    await poll(end);
  } finally {
    held.open();
    await dispatcher.stop();
  }
  expect(states).toEqual(['pending', 'running', end]);
});
