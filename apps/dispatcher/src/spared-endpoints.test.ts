import type { EgressAnswer, EgressFailureCode } from '@waybill/egress';
import { createRunState, type Delivery, evolve, type Plan } from '@waybill/engine';
import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeContext, newDriver, planOf, step } from '../test/harness.ts';
import { type Deliverer, SparedEndpoints } from './spared-endpoints.ts';

const lines: Record<string, unknown>[] = [];
const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
let endpoints: SparedEndpoints;
beforeEach(() => {
  lines.length = 0;
  endpoints = new SparedEndpoints(log);
});

const url = 'https://a.test/pay?key=secret';
const nowMs = 1_000_000;

function deliverer(fields: { plan?: Plan; project?: string } = {}): Deliverer {
  const { plan = planOf([step('a', { url })]), project } = fields;
  const driver = newDriver(new FakeContext(), plan);
  driver.state.clockFrom = nowMs;
  return project === undefined ? driver : { state: driver.state, project: { uuid: project } };
}

/** A first attempt that is due. */
function delivery(): Delivery {
  const state = createRunState(planOf([step('a', { url })]), 'run_due');
  evolve(state, { type: 'run.created', at: nowMs, started: true });
  return state.steps[0]!.delivery!;
}

const answer = (status: number): EgressAnswer => ({
  kind: 'answer',
  status,
  headers: {},
  body: '',
  durationMs: 1,
});
const failure = (code: EgressFailureCode): EgressAnswer => ({
  kind: 'failure',
  phase: 'send',
  code,
  message: '',
  durationMs: 1,
});

function fail(run = deliverer(), times = 30, how = answer(503)): void {
  for (let n = 0; n < times; n++) endpoints.ended(run, delivery(), how, nowMs);
}

describe('an endpoint is spared', () => {
  test.each([
    ['answers of 503', answer(503)],
    ['answers of 429', answer(429)],
    ['connections refused', failure('connect_failed')],
    ['connections lost', failure('connection_lost')],
    ['timeouts', failure('timeout')],
  ])('after a row of %s', (_, how) => {
    fail(deliverer(), 30, how);
    expect(endpoints.open).toBe(1);
    expect(endpoints.heldUntil(deliverer(), delivery(), nowMs)).toBeGreaterThan(nowMs);
  });

  test.each([
    ['that refuses what it is sent: it answers', answer(404)],
    ['that we may not call', failure('address_refused')],
    ['whose exchanges we gave up', failure('aborted')],
    ['that says too much', failure('response_too_large')],
  ])('but not one %s', (_, how) => {
    fail(deliverer(), 30, how);
    expect(endpoints.open).toBe(0);
  });

  test('for the runs of its project alone', () => {
    fail();
    expect(endpoints.heldUntil(deliverer({ project: 'another' }), delivery(), nowMs)).toBeNull();
  });

  test('until it answers; both are logged, without the query of its URL', () => {
    fail();
    endpoints.ended(deliverer(), delivery(), answer(200), nowMs);
    expect(endpoints.heldUntil(deliverer(), delivery(), nowMs)).toBeNull();
    expect(lines.map(({ level, endpoint }) => [level, endpoint])).toEqual([
      [40, 'https://a.test/pay'],
      [30, 'https://a.test/pay'],
    ]);
  });
});

describe('an attempt is not held back', () => {
  /** Until it is let go, while no probe succeeds: everything that is sent fails. */
  function heldFor(run: Deliverer, held: Delivery, fromMs = nowMs): number {
    for (let now = fromMs; ; ) {
      const until = endpoints.heldUntil(run, held, now);
      if (until === null) return now - fromMs;
      // Somebody else's attempts keep the circuit open.
      fail(deliverer(), 1);
      endpoints.ended(run, delivery(), answer(503), until);
      now = until;
    }
  }

  test('for longer than a minute all in all, though its endpoint stays as it is', () => {
    fail();
    const held = delivery();
    const heldMs = heldFor(deliverer(), held);
    expect(heldMs).toBeLessThanOrEqual(60_000);
    expect(heldMs).toBeGreaterThan(10_000);
    expect(endpoints.heldTotal).toBe(1);
  });

  test('when its run ends soon', () => {
    const run = deliverer({ plan: planOf([step('a', { url })], { timeout: 3 }) });
    fail();
    expect(endpoints.heldUntil(run, delivery(), nowMs)).toBeNull();
  });

  test('when `giveUpAfter` is soon over', () => {
    const retries = { ...step('a').retries, giveUpAfter: 5 };
    const run = deliverer({ plan: planOf([step('a', { url, retries })]) });
    fail();
    const tried = { ...delivery(), attempts: 1, firstStartedAt: nowMs - 4_000 };
    expect(endpoints.heldUntil(run, tried, nowMs)).toBeNull();
    expect(endpoints.heldUntil(run, delivery(), nowMs)).not.toBeNull();
  });
});
