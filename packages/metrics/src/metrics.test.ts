import { compilePlan, createRunState, defaultRetryPolicy, evolve, type RunEvent } from '@waybill/engine';
import { expect, test } from 'vitest';
import { createMetrics, type MetricsOptions } from './metrics.ts';
import type { SlowStep } from './step-durations.ts';

const idle = {
  ...{ runsOwned: 0, exchangesInFlight: 0, journalStuckMs: 0, circuitsOpen: 0, attemptsHeldBack: 0 },
  ...{
    openStreams: 0,
    watchedRuns: 0,
    watches: 0,
    startsUnderWay: 0,
    bodyBytes: 0,
    foldBytes: 0,
    planBytes: 0,
  },
  ...{
    requests: 0,
    runBytes: 0,
    largestRunBytes: 0,
    inFlightBytes: 0,
    answerBytes: 0,
    deliveriesWaiting: 0,
    journalPendingBytes: 0,
  },
};
const error = { code: 'http_503', message: 'busy' };
const step = (id: string) => ({ delivery: 'step', step: id, attempt: 1, startedAt: 1000 }) as const;
const created: RunEvent = { type: 'run.created', at: 0, started: true };
const completed = (id: string, at: number): RunEvent => ({ type: 'step.completed', at, ...step(id) });

function setUp(options: Partial<MetricsOptions> = {}) {
  const slow: SlowStep[] = [];
  const metrics = createMetrics({
    gauges: () => idle,
    onSlowStep: (step) => void slow.push(step),
    ...options,
  });
  /** A run of two steps, of which `b` is slow after 2 s. */
  const run = (workflowId: string, ...events: RunEvent[]) => {
    const settings = { url: 'http://h/', dependsOn: [], parallel: true, timeout: 30 };
    const retries = defaultRetryPolicy;
    const plan = compilePlan({
      ...{ id: workflowId, timeout: 60, saga: false, failurePolicy: 'continue' },
      steps: [
        { id: 'a', ...settings, retries },
        { id: 'b', ...settings, retries, slowAfter: 2 },
      ],
    });
    const state = createRunState(plan, 'run_1');
    for (const event of [created, ...events]) evolve(state, event);
    metrics.committed([created, ...events], { state, info: { id: 'run_1', workflowId } });
  };
  /** Value by name and labels, as scraped. */
  const scrape = async () => {
    const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return Object.fromEntries(lines.map((line) => line.split(/ (?=\S+$)/) as [string, string]));
  };
  return { metrics, run, slow, scrape };
}

test('the histogram of a workflow counts its completed steps, by hand or not, and no others', async () => {
  const { run, scrape } = setUp();
  run('order', completed('a', 1200), { type: 'step.failed', at: 9000, ...step('b'), error });
  run('order', completed('a', 4000), { type: 'step.passed', at: 5000, step: 'b', result: '1' });
  run('other flow', completed('a', 1000));
  const name = 'waybill_step_duration_seconds';
  expect(await scrape()).toMatchObject({
    [`${name}_count{workflow="order"}`]: '3',
    [`${name}_sum{workflow="order"}`]: '3.2',
    [`${name}_bucket{le="0.1",workflow="order"}`]: '1',
    [`${name}_bucket{le="0.25",workflow="order"}`]: '2',
    [`${name}_bucket{le="5",workflow="order"}`]: '3',
    [`${name}_count{workflow="other flow"}`]: '1',
  });
});

test('a step that took longer than its slowAfter is counted and told', async () => {
  const { run, slow, scrape } = setUp();
  run('order', completed('a', 60_000), completed('b', 3001));
  run('order', completed('a', 60_000), completed('b', 3000));
  expect(slow).toEqual([
    { runId: 'run_1', workflowId: 'order', stepId: 'b', durationMs: 2001, slowAfterMs: 2000 },
  ]);
  expect(await scrape()).toMatchObject({ 'waybill_slow_steps_total{workflow="order"}': '1' });
});

test('past the most workflows that have labels of their own, the rest share one', async () => {
  const { run, scrape } = setUp({ workflowsMax: 2 });
  for (const workflow of ['one', 'two', 'three', 'four', 'one']) run(workflow, completed('a', 2000));
  const counts = Object.entries(await scrape()).filter(([name]) =>
    name.startsWith('waybill_step_duration_seconds_count'),
  );
  expect(counts).toEqual([
    ['waybill_step_duration_seconds_count{workflow="one"}', '2'],
    ['waybill_step_duration_seconds_count{workflow="two"}', '1'],
    ['waybill_step_duration_seconds_count{workflow="other"}', '2'],
  ]);
});

test('attempts are counted when they end, by what was delivered and how it went', async () => {
  const { metrics, run, scrape } = setUp();
  run(
    'order',
    { type: 'attempt.started', at: 1000, delivery: 'step', step: 'a', attempt: 1 },
    { type: 'attempt.failed', at: 1500, ...step('a'), error, retryAt: 2000 },
    { type: 'attempt.lost', at: 2500, ...step('a'), attempt: 2 },
    { type: 'step.completed', at: 3000, ...step('a'), attempt: 3 },
    { type: 'step.failed', at: 3000, ...step('b'), error },
  );
  const hook = { delivery: 'hook', attempt: 1, startedAt: 0 } as const;
  const undo = { ...step('a'), delivery: 'compensation' } as const;
  const state = createRunState(
    compilePlan({ id: 'w', steps: [], timeout: 1, saga: true, failurePolicy: 'fail' }),
    'run_2',
  );
  const rest: RunEvent[] = [
    { type: 'compensation.completed', at: 1, ...undo },
    { type: 'compensation.failed', at: 1, ...undo, error },
    { type: 'hook.delivered', at: 1, ...hook },
    { type: 'hook.failed', at: 1, ...hook, error },
  ];
  metrics.committed(rest, { state, info: { id: 'run_2', workflowId: 'w' } });
  const scraped = await scrape();
  const count = (delivery: string, outcome: string) =>
    scraped[`waybill_attempts_total{delivery="${delivery}",outcome="${outcome}"}`];
  const outcomes = ['completed', 'failed', 'lost'];
  expect(outcomes.map((outcome) => count('step', outcome))).toEqual(['1', '2', '1']);
  expect(outcomes.map((outcome) => count('compensation', outcome))).toEqual(['1', '1', '0']);
  expect(outcomes.map((outcome) => count('hook', outcome))).toEqual(['1', '1', '0']);
});

test('failures are counted by code: of the many that there can be, only a few have a label', async () => {
  const { run, scrape } = setUp();
  const codes = ['timeout', 'http_503', 'http_404', 'response_too_large', 'no_stock', 'handler_failed'];
  for (const code of codes) {
    const failure = { code, message: 'm' };
    run('order', { type: 'attempt.failed', at: 1500, ...step('a'), error: failure, retryAt: 2000 });
  }
  run('order', { type: 'step.failed', at: 1500, ...step('a'), error: { code: 'timeout', message: 'm' } });
  const scraped = Object.entries(await scrape()).filter(([name]) => name.startsWith('waybill_attempt_fail'));
  const counts = scraped
    .filter(([, count]) => count !== '0')
    .map(([name, count]) => [/"(.*)"/.exec(name)![1], count]);
  expect(Object.fromEntries(counts)).toEqual({
    timeout: '2',
    http_error: '2',
    handler: '2',
    response_too_large: '1',
  });
  expect(scraped.length).toBeLessThan(30);
});

test('runs are counted by the state they ended in', async () => {
  const { metrics, scrape } = setUp();
  const plan = compilePlan({ id: 'w', steps: [], timeout: 1, saga: false, failurePolicy: 'fail' });
  const run = { state: createRunState(plan, 'run_1'), info: { id: 'run_1', workflowId: 'w' } };
  const types = ['run.completed', 'run.completed', 'run.failed', 'run.cancelled'] as const;
  for (const type of types) metrics.committed([{ type, at: 1 }], run);
  metrics.committed([{ type: 'run.quarantined', at: 1, error }], run);
  const name = 'waybill_runs_ended_total';
  expect(await scrape()).toMatchObject({
    [`${name}{state="completed"}`]: '2',
    [`${name}{state="failed"}`]: '2',
    [`${name}{state="cancelled"}`]: '1',
    'waybill_runs_quarantined_total{code="http_503"}': '1',
  });
});

test('gauges are read when they are scraped, beside those of the process', async () => {
  const busy = { ...idle, runsOwned: 3, exchangesInFlight: 2, journalStuckMs: 1500, openStreams: 1 };
  let now = idle;
  const { scrape } = setUp({ gauges: () => now });
  expect(await scrape()).toMatchObject({ waybill_runs_owned: '0', waybill_journal_stuck_seconds: '0' });
  now = { ...busy, watchedRuns: 4, circuitsOpen: 5, attemptsHeldBack: 6 };
  expect(await scrape()).toMatchObject({
    waybill_runs_owned: '3',
    waybill_exchanges_in_flight: '2',
    waybill_journal_stuck_seconds: '1.5',
    waybill_event_streams_open: '1',
    waybill_runs_watched: '4',
    waybill_circuits_open: '5',
    waybill_attempts_held_back_total: '6',
    process_resident_memory_bytes: expect.stringMatching(/^\d+$/),
  });
});

test('requests that were told to come again are counted by code', async () => {
  const { metrics, scrape } = setUp();
  for (const code of ['too_many_starts', 'too_many_runs', 'too_many_starts']) metrics.refused(code);
  expect(await scrape()).toMatchObject({
    'waybill_requests_refused_total{code="too_many_starts"}': '2',
    'waybill_requests_refused_total{code="too_many_runs"}': '1',
  });
});

test('flushes show how long they take and what they carry, looks at the inbox how many commands', async () => {
  const { metrics, scrape } = setUp();
  for (let n = 1; n <= 100; n++) metrics.flushed({ entries: 3, bytes: 5000, durationMs: n });
  metrics.read(0);
  metrics.read(7);
  const scraped = await scrape();
  expect(scraped).toMatchObject({
    waybill_journal_entries_total: '300',
    waybill_journal_flush_duration_seconds_count: '100',
    'waybill_journal_flush_bytes_bucket{le="4096"}': '0',
    'waybill_journal_flush_bytes_bucket{le="65536"}': '100',
    waybill_inbox_commands_total: '7',
  });
});

test('claims show how long they take, and how many runs they give', async () => {
  const { metrics, scrape } = setUp();
  for (let n = 1; n <= 100; n++) metrics.claimed(n, 2);
  const scraped = await scrape();
  expect(scraped).toMatchObject({
    waybill_runs_claimed_total: '200',
    waybill_claim_duration_seconds_count: '100',
  });
  expect(Number(scraped['waybill_claim_duration_seconds{quantile="0.99"}'])).toBeCloseTo(0.099, 2);
});

test('ticks of schedules are counted by what became of them, and show how late they were', async () => {
  const { metrics, scrape } = setUp();
  metrics.ticked('started', 2, [5, 1000]);
  metrics.ticked('skipped', 1, []);
  expect(await scrape()).toMatchObject({
    'waybill_schedule_ticks_total{outcome="started"}': '2',
    'waybill_schedule_ticks_total{outcome="skipped"}': '1',
    'waybill_schedule_ticks_total{outcome="failed"}': '0',
    waybill_schedule_lateness_seconds_count: '2',
    waybill_schedule_lateness_seconds_sum: '1.005',
  });
});
