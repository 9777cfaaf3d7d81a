import { describe, expect, test } from 'vitest';
import { checks } from '../../test/checks.ts';
import { parseDefinition } from './parse.ts';

function parse(retries: object | undefined, defaults?: object, step: object = {}) {
  const steps = [{ id: 'a', url: '/a', ...(retries ? { retries } : {}), ...step }];
  return parseDefinition(
    { id: 'w', steps, ...(defaults ? { defaults: { retries: defaults } } : {}) },
    checks,
  );
}

function faultsOf(...of: Parameters<typeof parse>): [string, string][] {
  const result = parse(...of);
  return 'faults' in result ? result.faults.map(({ path, message }) => [path, message]) : [];
}

function stored(...of: Parameters<typeof parse>) {
  const result = parse(...of);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.definition.steps[0]!.retries;
}

const beside = /^has no effect beside delays.*leave/;
const unused = /^has no effect with maxAttempts 1: .*allow 2/;
const capped = /^is above maxDelay, 5 s, and no delay is longer: raise that, or lower this/;
const early =
  /^giveUpAfter, .* s, is over before a second attempt can start, after .* s at the soonest: raise/;

const rows: [object, Record<string, RegExp>][] = [
  [{ backoff: 'fixed', factor: 2 }, { factor: /^has no effect with backoff "fixed": leave/ }],
  [{ backoff: 'linear', factor: 2 }, { factor: /^has no effect with backoff "linear": leave/ }],
  [{ delays: [1], factor: 2 }, { factor: beside }],
  [
    { delays: [1], backoff: 'exponential', initialDelay: 1 },
    { backoff: beside, initialDelay: beside },
  ],
  [
    { maxAttempts: 1, initialDelay: 1, jitter: false },
    { initialDelay: unused, jitter: unused },
  ],
  [
    { maxAttempts: 1, backoff: 'fixed', factor: 2, delays: [1], maxDelay: 1, retryOn: [500] },
    { backoff: unused, factor: unused, delays: unused, maxDelay: unused, retryOn: unused },
  ],
  [{ initialDelay: 6, maxDelay: 5 }, { initialDelay: capped }],
  [
    { delays: [1, 6, 5, 7], maxDelay: 5 },
    { 'delays[1]': capped, 'delays[3]': capped },
  ],
  [{ initialDelay: 10, giveUpAfter: 5 }, { giveUpAfter: early }],
  [{ initialDelay: 10, giveUpAfter: 9, jitter: false }, { giveUpAfter: early }],
  [{ delays: [10, 1], giveUpAfter: 7 }, { giveUpAfter: early }],
  [{ giveUpAfter: 0.5 }, { giveUpAfter: early }],
];

describe('what contradicts itself is refused, each with what to write instead', () => {
  test.each(rows)('%j', (retries, expected) => {
    const at = (root: string) =>
      Object.entries(expected).map(([field, message]) => [
        `${root}.retries.${field}`,
        expect.stringMatching(message),
      ]);
    expect(faultsOf(retries).sort()).toEqual(at('steps[0]').sort());
    expect(faultsOf(undefined, retries).sort()).toEqual(at('defaults').sort());
  });
});

test.each([
  { backoff: 'exponential', factor: 2 },
  { delays: [1, 2], maxDelay: 2, jitter: false, retryOn: [500], giveUpAfter: 60 },
  { maxAttempts: 1, giveUpAfter: 0.1 },
  { initialDelay: 10, giveUpAfter: 8 },
  { initialDelay: 5, maxDelay: 5 },
  { initialDelay: 7200 },
])('and so is not %j', (retries) => {
  expect(faultsOf(retries)).toEqual([]);
  expect(faultsOf(undefined, retries)).toEqual([]);
});

describe('what a step says holds over what defaults say of the same', () => {
  test.each<[object, object, object]>([
    [{ delays: [1] }, { factor: 3, initialDelay: 9 }, { delays: [1], factor: 2 }],
    [
      { initialDelay: 4 },
      { delays: [1], jitter: false },
      { initialDelay: 4, delays: undefined, jitter: false },
    ],
    [{ backoff: 'fixed' }, { factor: 3, initialDelay: 9 }, { backoff: 'fixed', factor: 2, initialDelay: 9 }],
    [{ factor: 3 }, { backoff: 'fixed' }, { backoff: 'exponential', factor: 3 }],
    [{ maxAttempts: 1 }, { delays: [3] }, { maxAttempts: 1, delays: [3] }],
    [{ maxAttempts: 5 }, { delays: [3] }, { maxAttempts: 5, delays: [3] }],
    [{ initialDelay: 9 }, { maxDelay: 5 }, { initialDelay: 5 }],
    [{ delays: [1, 9] }, { maxDelay: 5 }, { delays: [1, 5] }],
    [{ initialDelay: 7200 }, {}, { initialDelay: 3600 }],
  ])('%j over %j: %j', (retries, defaults, expected) => {
    const policy = stored(retries, defaults) as unknown as Record<string, unknown>;
    for (const [field, value] of Object.entries(expected)) expect(policy[field]).toEqual(value);
  });

  test.each<[object, object, string]>([
    [{ initialDelay: 60 }, { giveUpAfter: 30 }, 'initialDelay'],
    [{ delays: [60] }, { giveUpAfter: 30 }, 'delays'],
    [{ giveUpAfter: 30 }, { initialDelay: 60 }, 'giveUpAfter'],
    [{ initialDelay: 2 }, { maxAttempts: 1 }, 'initialDelay'],
  ])('but not %j over %j', (retries, defaults, field) => {
    expect(faultsOf(retries, defaults).map(([path]) => path)).toEqual([`steps[0].retries.${field}`]);
  });

  test('one attempt is enough for a step that has the others from defaults', () => {
    expect(faultsOf(undefined, { delays: [3] }, { delivery: 'at-most-once' })).toEqual([]);
    expect(faultsOf({ maxAttempts: 1 }, { initialDelay: 60, giveUpAfter: 60 })).toEqual([]);
  });
});
