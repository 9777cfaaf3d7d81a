/** Rows 26 to 31, 33 and 34: retries and timeouts. Lower bounds are strict; upper ones allow for a busy machine. */
import { describe, expect, test } from 'vitest';
import { gate, type SeenRequest } from '../support/handlers.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
/** Clocks of two processes, read in ms and rounded: this much a wait may seem short. */
const clockGrainMs = 5;
const busyMachineMs = 10_000;

function oneStep(fields: object): object {
  return { id: 'one', steps: [{ id: 'a', url: `${platform.now.handlers.url}/a`, ...fields }] };
}

/** From each answer to the next request, in ms. */
function gaps(requests: readonly SeenRequest[]): number[] {
  return requests.slice(1).map((request, index) => request.receivedAt - requests[index]!.answeredAt!);
}

function expectWait(gapMs: number | undefined, leastMs: number, mostMs = leastMs): void {
  expect(gapMs).toBeGreaterThanOrEqual(leastMs - clockGrainMs);
  expect(gapMs).toBeLessThan(mostMs + busyMachineMs);
}

/** What was decided after each failed attempt, in ms of the platform's own clock: exact on any machine. */
async function decidedDelays(runId: string): Promise<number[]> {
  const attempts = await platform.now.client.attempts(runId, 'a');
  return attempts.slice(0, -1).map(({ retryAt, endedAt }) => Date.parse(retryAt!) - Date.parse(endedAt));
}

/** No attempt was sent before the time that was decided for it. */
async function expectWaited(runId: string): Promise<void> {
  const attempts = await platform.now.client.attempts(runId, 'a');
  for (const [index, { startedAt }] of attempts.slice(1).entries()) {
    expect(Date.parse(startedAt)).toBeGreaterThanOrEqual(Date.parse(attempts[index]!.retryAt!));
  }
}

describe('retry', () => {
  test('26 maxAttempts 3 with 500, 500, 200: 3 POSTs, attempts 3, completed', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/a', { status: 500 }, { status: 500 }, { body: { done: true } });
    const run = await client.runToEnd(oneStep({ retries: { maxAttempts: 3, initialDelay: 0.02 } }));
    expect(run).toMatchObject({
      state: 'completed',
      results: { a: { done: true } },
      steps: [{ attempts: 3, error: null }],
    });
    const sent = handlers.requests('/a');
    expect(sent.map((request) => request.headers['waybill-attempt'])).toEqual(['1', '2', '3']);
    expect(new Set(sent.map((request) => request.headers['webhook-id'])).size).toBe(1);
  });

  test('27 always 500: 3 POSTs, failed', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/a', { status: 500 });
    const run = await client.runToEnd(oneStep({ retries: { maxAttempts: 3, initialDelay: 0.02 } }));
    expect(run).toMatchObject({
      state: 'failed',
      failedSteps: ['a'],
      steps: [{ attempts: 3, error: { status: 500 } }],
    });
    expect(handlers.requests('/a')).toHaveLength(3);
  });

  test('28 exponential: each gap twice the one before, none above maxDelay', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/a', { status: 500 });
    const retries = {
      maxAttempts: 5,
      backoff: 'exponential',
      initialDelay: 0.3,
      maxDelay: 0.9,
      jitter: false,
    };
    const { id } = await client.runToEnd(oneStep({ retries }));
    const waits = gaps(handlers.requests('/a'));
    expect(waits).toHaveLength(4);
    for (const [index, ms] of [300, 600, 900, 900].entries()) expectWait(waits[index], ms);
    expect(await decidedDelays(id)).toEqual([300, 600, 900, 900]);
    await expectWaited(id);
  });

  test('28 with jitter each gap is within 20 %', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/a', { status: 500 });
    const retries = { maxAttempts: 5, backoff: 'exponential', initialDelay: 0.3, maxDelay: 0.9 };
    const { id } = await client.runToEnd(oneStep({ retries }));
    const waits = gaps(handlers.requests('/a'));
    const delays = await decidedDelays(id);
    for (const [index, ms] of [300, 600, 900, 900].entries()) {
      const [least, most] = [ms * 0.8, Math.min(900, ms * 1.2)];
      expectWait(waits[index], least, most);
      expect(delays[index]).toBeGreaterThanOrEqual(Math.floor(least));
      expect(delays[index]).toBeLessThanOrEqual(Math.ceil(most));
    }
    await expectWaited(id);
  });

  test('29 400 is not retried; a status in retryOn is', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/a', { status: 400 });
    expect((await client.runToEnd(oneStep({ retries: { maxAttempts: 3, initialDelay: 0.02 } }))).state).toBe(
      'failed',
    );
    expect(handlers.requests('/a')).toHaveLength(1);
    handlers.reset();
    handlers.on('/a', { status: 400 }, { status: 200 });
    const retries = { maxAttempts: 3, initialDelay: 0.02, retryOn: [400] };
    expect((await client.runToEnd(oneStep({ retries }))).state).toBe('completed');
    expect(handlers.requests('/a')).toHaveLength(2);
  });

  test('32 delay list [1, 2] with three retries waits about 1, 2, 2 s', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/a', { status: 500 });
    const run = await client.runToEnd(
      oneStep({ retries: { maxAttempts: 4, delays: [1, 2], jitter: false } }),
    );
    expect(run).toMatchObject({ state: 'failed', steps: [{ attempts: 4 }] });
    expect(await decidedDelays(run.id)).toEqual([1000, 2000, 2000]);
    await expectWaited(run.id);
    expect(handlers.requests('/a')).toHaveLength(4);
  });

  test.each([
    ['in the body', { body: { success: false, retryable: true, retryAfter: 2 } }],
    ['in the header of a 503', { status: 503, headers: { 'retry-after': '2' } }],
  ])('30 retryAfter 2 %s: not sent again before 2 s', async (_, answer) => {
    const { client, handlers } = platform.now;
    handlers.on('/a', answer, { status: 200 });
    const run = await client.runToEnd(oneStep({ retries: { maxAttempts: 2, initialDelay: 0.02 } }));
    expect(run.state).toBe('completed');
    expectWait(gaps(handlers.requests('/a'))[0], 2000);
    expect(await decidedDelays(run.id)).toEqual([2000]);
    await expectWaited(run.id);
  });

  test.each([
    ['a body', { body: { success: false, error: { code: 'card_declined', message: 'no' } } }],
    [
      'retryable: false in a 500',
      { status: 500, body: { error: { code: 'card_declined', message: 'no', retryable: false } } },
    ],
  ])('31 a permanent error gives one attempt and its code in step.error: %s', async (_, answer) => {
    const { client, handlers } = platform.now;
    handlers.on('/a', answer);
    const run = await client.runToEnd(oneStep({ retries: { maxAttempts: 3, initialDelay: 0.02 } }));
    expect(run.steps[0]).toMatchObject({
      state: 'failed',
      attempts: 1,
      error: { code: 'card_declined', message: 'no' },
    });
    expect(handlers.requests('/a')).toHaveLength(1);
  });
});

describe('timeout', () => {
  test('33 step timeout 1 against a handler that hangs aborts near 1 s, counts as an attempt, says timeout', async () => {
    const { client, handlers } = platform.now;
    const held = gate();
    handlers.on('/a', async () => {
      await held.opened;
      return {};
    });
    const run = await client.runToEnd(
      oneStep({ timeout: 1, retries: { maxAttempts: 2, initialDelay: 0.02 } }),
    );
    const [first, second, ...more] = handlers.requests('/a');
    held.open();
    expect(more).toEqual([]);
    expect(first!.isAborted).toBe(true);
    expectWait(second!.receivedAt - first!.receivedAt, 1000);
    const attempts = await client.attempts(run.id, 'a');
    expect(attempts).toMatchObject([{ error: { code: 'timeout' } }, { error: { code: 'timeout' } }]);
    for (const { durationMs } of attempts) expectWait(durationMs, 1000);
    expect(run.steps[0]).toMatchObject({
      state: 'failed',
      attempts: 2,
      error: { code: 'timeout' },
      outcome: 'unknown',
    });
  });

  test('giveUpAfter cuts off the attempt under way', async () => {
    const { client, handlers } = platform.now;
    const held = gate();
    handlers.on('/a', { status: 503 }, async () => {
      await held.opened;
      return {};
    });
    const retries = { maxAttempts: 5, initialDelay: 0.02, giveUpAfter: 1 };
    const run = await client.runToEnd(oneStep({ timeout: 30, retries }));
    const [, second, ...more] = handlers.requests('/a');
    held.open();
    expect(more).toEqual([]);
    expect(second!.isAborted).toBe(true);
    expect(run.steps[0]).toMatchObject({ state: 'failed', attempts: 2, error: { code: 'timeout' } });
    const [first, last] = await client.attempts(run.id, 'a');
    expectWait(Date.parse(last!.endedAt) - Date.parse(first!.startedAt), 1000);
  });

  test('giveUpAfter ends a step between two attempts, though its run is paused', async () => {
    const { client, handlers } = platform.now;
    handlers.on('/a', { status: 503 });
    const retries = { maxAttempts: 5, initialDelay: 1, jitter: false, giveUpAfter: 1.5 };
    const { id } = await client.run(oneStep({ retries }));
    await handlers.waitFor('/a');
    await client.api('POST', `/v1/runs/${id}/pause`, {});
    const run = await client.ended(id);
    expect(run.steps[0]).toMatchObject({ state: 'failed', error: { code: 'http_503' } });
    const [first] = await client.attempts(id, 'a');
    expectWait(Date.parse(run.steps[0]!.completedAt!) - Date.parse(first!.startedAt), 1500);
  });

  test('34 workflow timeout 2 fails the run near 2 s, calls onError, and sends no later step', async () => {
    const { client, handlers } = platform.now;
    const held = gate();
    handlers.on('/a', async () => {
      await held.opened;
      return {};
    });
    const { url } = handlers;
    const { id } = await client.run({
      id: 'two-seconds',
      timeout: 2,
      onError: `${url}/failed`,
      steps: [
        { id: 'a', url: `${url}/a` },
        { id: 'b', url: `${url}/b`, dependsOn: ['a'] },
      ],
    });
    const run = await client.done(id);
    held.open();
    expectWait(Date.parse(run.completedAt!) - Date.parse(run.startedAt!), 2000);
    expect(run).toMatchObject({ state: 'failed', error: { code: 'run_timeout' } });
    expect(run.steps).toMatchObject([
      { state: 'failed', reason: 'run_timeout', error: { outcome: 'unknown' } },
      { state: 'cancelled' },
    ]);
    expect(handlers.requests('/failed')).toHaveLength(1);
    expect(handlers.requests('/failed')[0]!.body).toMatchObject({
      type: 'workflow.failed',
      error: { code: 'run_timeout' },
    });
    expect(handlers.requests('/b')).toEqual([]);
  });
});

test('410 is final, retryOn or not, and its endpoint is listed until it answers 2xx again', async () => {
  const { client, handlers } = platform.now;
  const url = `${handlers.url}/moved`;
  const steps = [{ id: 'a', url, retries: { maxAttempts: 3, initialDelay: 0.01, retryOn: [410, 500] } }];
  handlers.on('/moved', { status: 410 }, { status: 200 });
  const run = await client.runToEnd({ id: 'gone', steps });
  expect(run.steps[0]).toMatchObject({
    state: 'failed',
    attempts: 1,
    error: { code: 'endpoint_gone', status: 410 },
  });
  const listed = async () => {
    const { body } = await client.api<{ data: { url: string }[] }>('GET', '/v1/endpoints/gone');
    return body.data.find((endpoint) => endpoint.url === url);
  };
  const untilListed = async (isWanted: boolean) => {
    for (;;) {
      const found = await listed();
      if ((found !== undefined) === isWanted) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  expect(await untilListed(true)).toMatchObject({ runId: run.id, delivery: 'step', stepId: 'a' });
  expect((await client.runToEnd({ id: 'gone', steps })).state).toBe('completed');
  await untilListed(false);
});
