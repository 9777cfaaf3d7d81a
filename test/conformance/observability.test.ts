/** Rows 61 to 63: what can be watched from outside. */
import type { RunStatus } from '@waybill/sdk';
import { expect, test } from 'vitest';
import { gate } from '../support/handlers.ts';
import { graph } from '../support/seed-definitions.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const quick = { maxAttempts: 2, initialDelay: 0.02 };

test('61 a step.completed subscriber gets one event per completed step with duration in ms, namespace, step and workflow name', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers
    .on('/fast', async () => {
      await held.opened;
      return {};
    })
    .on('/twice', { status: 500, delayMs: 60 }, { delayMs: 60 })
    .on('/broken', { status: 400 });
  const { id } = await client.run({
    id: 'watched',
    steps: [
      { id: 'fast', url: '/fast' },
      { id: 'twice', url: '/twice', dependsOn: 'fast', retries: quick },
      { id: 'broken', url: '/broken', dependsOn: 'twice' },
      { id: 'never', url: '/never', dependsOn: 'broken' },
    ],
  });
  // Subscribed while nothing has completed yet.
  const subscribed = client.events(id);
  await handlers.waitFor('/fast');
  held.open();
  const completed = (await subscribed).filter(({ event }) => event === 'step.completed');
  expect(completed.map(({ data }) => data)).toMatchObject(
    ['fast', 'twice'].map((step) => ({
      ...{ type: 'step.completed', step, runId: id, workflowId: 'watched', namespace: 'default' },
    })),
  );
  const { steps } = await client.status(id);
  for (const [index, { data }] of completed.entries()) {
    const { startedAt, completedAt } = steps[index]!;
    expect(data.durationMs).toBe(Date.parse(completedAt!) - Date.parse(startedAt!));
  }
  // Two attempts of 60 ms and 20 ms ± 20 % between them, in rounded clocks.
  expect(completed[1]!.data.durationMs).toBeGreaterThanOrEqual(130);
});

test('61 a subscriber who comes late, or back, gets what it has not seen', async () => {
  const { client } = platform.now;
  const { id } = await client.runToEnd({
    id: 'late',
    steps: [
      { id: 'a', url: '/a' },
      { id: 'b', url: '/b', dependsOn: 'a' },
    ],
  });
  const all = await client.events(id);
  const ofSteps = all.filter(({ event }) => event === 'step.completed');
  expect(ofSteps.map(({ data }) => data.step)).toEqual(['a', 'b']);
  expect(all.at(-1)).toMatchObject({ event: 'run.completed' });
  const place = all.findIndex(({ data }) => data.step === 'a' && data.type === 'step.completed');
  expect(await client.events(id, { 'last-event-id': all[place]!.id })).toEqual(all.slice(place + 1));
});

test('62 /metrics has a step-duration histogram whose count equals completed steps', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/twice', { status: 500 }, { status: 200 }).on('/broken', { status: 400 });
  const step = (id: string, ...dependsOn: string[]) => ({ id, url: `/${id}`, dependsOn, retries: quick });
  const steps = [step('a'), step('twice', 'a'), step('broken', 'a'), step('below', 'broken')];
  const runs: RunStatus[] = [];
  for (const id of ['measured', 'measured', 'measured-too']) {
    runs.push(await client.runToEnd({ id, steps }));
  }
  const metrics = await client.metrics();
  for (const workflow of ['measured', 'measured-too']) {
    const completed = runs
      .filter(({ workflowId }) => workflowId === workflow)
      .reduce((sum, { completedSteps }) => sum + completedSteps.length, 0);
    expect(completed).toBeGreaterThanOrEqual(2);
    const name = 'waybill_step_duration_seconds';
    expect(metrics.get(`${name}_count{workflow="${workflow}"}`)).toBe(completed);
    expect(metrics.get(`${name}_bucket{le="+Inf",workflow="${workflow}"}`)).toBe(completed);
  }
});

test('62 a step over its threshold raises a slow-step event', async () => {
  const { client, handlers } = platform.now;
  handlers.on('/slow', { delayMs: 120 });
  const { id } = await client.runToEnd({
    id: 'with-slow-step',
    steps: [
      { id: 'slow', url: '/slow', slowAfter: '100ms' },
      { id: 'patient', url: '/slow', slowAfter: '1h', dependsOn: 'slow' },
    ],
  });
  const events = await client.events(id);
  const slow = events.filter(({ event }) => event === 'step.slow').map(({ data }) => data);
  expect(slow).toMatchObject([{ step: 'slow', workflowId: 'with-slow-step', slowAfterMs: 100 }]);
  expect(slow[0]!.durationMs).toBeGreaterThan(100);
  const metrics = await client.metrics();
  expect(metrics.get('waybill_slow_steps_total{workflow="with-slow-step"}')).toBe(1);
  expect(platform.now.log()).toContain('"msg":"a step was slow"');
});

test('63 a graph endpoint returns nodes with states and edges equal to dependsOn', async () => {
  const { client, handlers } = platform.now;
  const held = gate();
  handlers.on('/api/jobs/process-a', async () => {
    await held.opened;
    return {};
  });
  const { steps } = graph();
  const edges = steps.flatMap(({ id, dependsOn = [] }) => dependsOn.map((from) => ({ from, to: id })));
  interface Graph {
    readonly nodes: readonly { readonly id: string; readonly state: string }[];
    readonly edges: object[];
  }
  const graphOf = async (id: string) => (await client.api<Graph>('GET', `/v1/runs/${id}/graph`)).body;
  const { id } = await client.run(graph());
  // The lane goes on to validate while process-a is held.
  await client.until(id, ({ completedSteps, currentSteps }) => {
    return completedSteps.includes('validate') && currentSteps.includes('process-a');
  });
  const running = await graphOf(id);
  expect(running.edges).toEqual(edges);
  expect(Object.fromEntries(running.nodes.map((node) => [node.id, node.state]))).toEqual({
    prepare: 'completed',
    'process-a': 'running',
    'process-b': 'completed',
    'process-c': 'completed',
    validate: 'completed',
    aggregate: 'pending',
    notify: 'pending',
  });
  held.open();
  await client.ended(id);
  const ended = await graphOf(id);
  expect(ended.nodes.map((node) => [node.id, node.state])).toEqual(steps.map((s) => [s.id, 'completed']));
  expect(ended.edges).toEqual(edges);
});
