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

const rows: [object, Record<string, RegExp>][] = [
  [{ delays: [1], factor: 2 }, { factor: beside }],
  [
    { delays: [1], backoff: 'exponential', initialDelay: 1 },
    { backoff: beside, initialDelay: beside },
  ],
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

// What is unused, or cut, says nothing else than what happens.
test.each([
  { delays: [1, 6], maxDelay: 5, jitter: false, retryOn: [500], giveUpAfter: 60 },
  { backoff: 'fixed', factor: 2 },
  { maxAttempts: 1, initialDelay: 1, giveUpAfter: 0.1 },
  { initialDelay: 6, maxDelay: 5 },
  { initialDelay: 10, giveUpAfter: 5 },
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
    [{ backoff: 'fixed' }, { factor: 3, initialDelay: 9 }, { backoff: 'fixed', factor: 3, initialDelay: 9 }],
    [{ maxAttempts: 1 }, { delays: [3] }, { maxAttempts: 1, delays: [3] }],
    [{ maxAttempts: 5 }, { delays: [3] }, { maxAttempts: 5, delays: [3] }],
    [{ initialDelay: 9 }, { maxDelay: 5 }, { initialDelay: 9, maxDelay: 5 }],
  ])('%j over %j: %j', (retries, defaults, expected) => {
    const policy = stored(retries, defaults) as unknown as Record<string, unknown>;
    for (const [field, value] of Object.entries(expected)) expect(policy[field]).toEqual(value);
  });

  test('one attempt is enough for a step that has the others from defaults', () => {
    expect(faultsOf(undefined, { delays: [3] }, { delivery: 'at-most-once' })).toEqual([]);
    expect(faultsOf({ maxAttempts: 1 }, { initialDelay: 60, giveUpAfter: 60 })).toEqual([]);
  });
});
