import { describe, expect, test } from 'vitest';
import { checks as lenient } from '../../test/checks.ts';
import type { DefinitionChecks } from './checks.ts';
import { parseDefinition } from './parse.ts';

const checks: DefinitionChecks = {
  ...lenient,
  baseUrl: 'https://base.test/api/',
  url: (url) => (url.includes('forbidden') ? 'may not be reached' : null),
  header: (name) => (name === 'host' ? 'is reserved' : null),
};

function parse(input: unknown, changed: Partial<DefinitionChecks> = {}) {
  const result = parseDefinition(input, { ...checks, ...changed });
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return result.definition;
}

function faults(input: unknown, changed: Partial<DefinitionChecks> = {}): Record<string, string> {
  const result = parseDefinition(input, { ...checks, ...changed });
  if ('definition' in result) throw new Error('it has no faults');
  return Object.fromEntries(result.faults.map(({ path, message }) => [path, message]));
}

const step = { id: 'a', url: '/a' };
const withStep = (changed: object) => ({ id: 'w', steps: [{ ...step, ...changed }] });

test('defaults are filled in', () => {
  expect(parse({ id: 'w', steps: [step] })).toEqual({
    id: 'w',
    timeout: 86_400,
    saga: false,
    failurePolicy: 'fail',
    onComplete: undefined,
    onError: undefined,
    tags: undefined,
    metadata: undefined,
    steps: [
      {
        id: 'a',
        url: 'https://base.test/api/a',
        dependsOn: [],
        parallel: false,
        timeout: 300,
        compensation: undefined,
        retries: {
          maxAttempts: 3,
          backoff: 'exponential',
          initialDelay: 1,
          factor: 2,
          maxDelay: 3600,
          jitter: true,
        },
      },
    ],
  });
});

test('`defaults` reach every step; retries, headers and metadata are merged, the step winning', () => {
  const defaults = {
    parallel: true,
    timeout: '1m',
    payload: { from: 'defaults' },
    retries: { maxAttempts: 5, backoff: 'fixed' },
    headers: { 'x-a': '1', 'x-b': '1' },
    metadata: { team: 'a', tier: '1' },
  };
  const own = {
    parallel: false,
    timeout: 2,
    payload: null,
    retries: { maxAttempts: 1 },
    headers: { 'x-b': '2' },
    metadata: { tier: '2' },
  };
  const { steps } = parse({ id: 'w', defaults, steps: [step, { ...step, ...own, id: 'b' }] });
  expect(steps[0]).toMatchObject({ ...defaults, timeout: 60 });
  expect(steps[1]).toMatchObject({
    parallel: false,
    timeout: 2,
    payload: null,
    retries: { maxAttempts: 1, backoff: 'fixed', factor: 2 },
    headers: { 'x-a': '1', 'x-b': '2' },
    metadata: { team: 'a', tier: '2' },
  });
});

test('faults of shape, graph, URLs and headers are named at once, each with its path', () => {
  const input = {
    id: 'run_x',
    surprise: 1,
    timeout: '5 minutes',
    onError: 'http://forbidden/',
    metadata: { ok: 'yes', no: 1 },
    tags: [''],
    defaults: { headers: { host: 'x' }, url: '/x' },
    steps: [
      { id: 'a', url: '/a', dependsOn: ['b', 'nowhere'] },
      { id: 'b', url: '//host/b', dependsOn: 'a', timeout: 0, retries: { maxAttempts: 101, tries: 2 } },
      { id: 'b', dependsOn: ['b', 'c', 'c'] },
      { id: 'c', url: 'c', compensation: 'http://forbidden/', headers: { host: 'x', 'x-a': 1 } },
      'not a step',
    ],
  };
  expect(faults(input)).toEqual({
    id: expect.stringContaining('run_'),
    surprise: 'unknown field',
    timeout: expect.stringContaining('"5m"'),
    onError: 'may not be reached',
    'metadata.no': expect.any(String),
    'tags[0]': expect.any(String),
    'defaults.url': 'unknown field',
    'defaults.headers.host': 'is reserved',
    steps: 'cycle: b → a → b',
    'steps[0].dependsOn[1]': 'unknown step "nowhere"',
    'steps[1].url': '"//host/b" is not a URL',
    'steps[1].timeout': expect.stringContaining('0.001'),
    'steps[1].retries.maxAttempts': expect.any(String),
    'steps[1].retries.tries': 'unknown field',
    'steps[2].id': expect.stringContaining('duplicate'),
    'steps[2].url': expect.any(String),
    'steps[2].dependsOn[0]': expect.stringContaining('itself'),
    'steps[2].dependsOn[2]': expect.stringContaining('twice'),
    'steps[3].url': '"c" is not a URL',
    'steps[3].compensation': 'may not be reached',
    'steps[3].headers.host': 'is reserved',
    'steps[3].headers.x-a': expect.any(String),
    'steps[4]': expect.any(String),
  });
});

test.each([undefined, null, 1, 'x', [], [[]], { steps: {} }, { steps: [null, 1, []] }])(
  'anything else than a definition has faults: %j',
  (input) => {
    expect(Object.keys(faults(input)).length).toBeGreaterThan(0);
  },
);

describe('URLs', () => {
  test.each([
    ['https://base.test', '/a', 'https://base.test/a'],
    ['https://base.test/', '/a', 'https://base.test/a'],
    ['https://base.test/api', '/a?b=1', 'https://base.test/api/a?b=1'],
    ['https://base.test/api/', '/a', 'https://base.test/api/a'],
    ['https://base.test/api', 'http://other.test/a', 'http://other.test/a'],
    [null, 'http://other.test/a', 'http://other.test/a'],
  ])('base %s and %s make %s', (baseUrl, url, expected) => {
    const input = {
      id: 'w',
      steps: [{ id: 'a', url, compensation: url }],
      onComplete: url,
      onError: url,
    };
    const { steps, onComplete, onError } = parse(input, { baseUrl });
    expect([steps[0]!.url, steps[0]!.compensation, onComplete, onError]).toEqual(Array(4).fill(expected));
  });

  test.each(['/a', '//host/a', 'a', 'a/b', '?x', 'http://', 'http://a b/'])(
    'without a base %s is refused',
    (url) => {
      expect(Object.keys(faults(withStep({ url }), { baseUrl: null }))).toEqual(['steps[0].url']);
    },
  );

  test.each(['//host/a', '\\\\host\\a', 'a', ''])('with a base %j is refused', (url) => {
    expect(Object.keys(faults(withStep({ url })))).toEqual(['steps[0].url']);
  });

  test('the deployment judges the URL that will be called', () => {
    const seen: string[] = [];
    const url = (text: string) => {
      seen.push(text);
      return null;
    };
    parse({ id: 'w', steps: [step], onComplete: '/done' }, { url });
    expect(seen.sort()).toEqual(['https://base.test/api/a', 'https://base.test/api/done']);
  });
});

describe('ids', () => {
  const stepIds = { valid: ['a', 'A.b-c_1', 'run_1', 'x'.repeat(128), 'constructor', '-', '..'] };
  const invalid = ['', 'x'.repeat(129), '__proto__', 'a b', 'a/b', 'ä', 'a\n', 'a[0]'];

  test.each(stepIds.valid)('step id %s', (id) => {
    expect(parse(withStep({ id })).steps[0]!.id).toBe(id);
  });

  test.each(invalid)('no step id: %j', (id) => {
    expect(Object.keys(faults(withStep({ id })))).toEqual(['steps[0].id']);
  });

  test.each([...invalid, 'run_1', 'run_'])('no workflow key: %j', (id) => {
    expect(Object.keys(faults({ id, steps: [step] }))).toEqual(['id']);
  });

  test('steps may be called as members of Object.prototype are', () => {
    const { steps } = parse({
      id: 'constructor',
      steps: [
        { id: 'toString', url: '/a' },
        { id: 'b', url: '/b', dependsOn: 'toString' },
      ],
    });
    expect(steps[1]!.dependsOn).toEqual(['toString']);
    expect(faults(withStep({ dependsOn: 'hasOwnProperty' }))).toHaveProperty(['steps[0].dependsOn[0]']);
  });
});

describe('metadata and tags', () => {
  test('keys named as members of Object.prototype stay data', () => {
    const metadata = JSON.parse('{"__proto__":"a","constructor":"b"}') as Record<string, string>;
    const stored = JSON.stringify(parse({ id: 'w', metadata, steps: [{ ...step, metadata }] }));
    expect(stored.split('"metadata":{"__proto__":"a","constructor":"b"}')).toHaveLength(3);
  });

  test.each(['\u0000', 'a\u0000b', '\ud800', 'a\udc00b'])('%j is refused: PostgreSQL would', (text) => {
    const metadata = { [text]: text, ok: text };
    const found = faults({ id: 'w', tags: [text], metadata, onComplete: `http://h/${text}`, steps: [step] });
    expect(Object.keys(found).sort()).toEqual(
      ['metadata.ok', `metadata.${text}`, 'onComplete', 'tags[0]'].sort(),
    );
  });

  test('well-formed pairs of surrogates are text', () => {
    expect(parse({ id: 'w', tags: ['😀'], metadata: { '😀': '😀' }, steps: [step] }).tags).toEqual(['😀']);
  });

  test.each([[[]], ['x'], [null], [5]])('metadata cannot be %j', (metadata) => {
    expect(Object.keys(faults({ id: 'w', metadata, steps: [step] }))).toEqual(['metadata']);
  });
});

describe('ten thousand steps', () => {
  const chain = (length: number) => ({
    id: 'w',
    steps: Array.from({ length }, (_, n) => ({
      id: `s${n}`,
      url: '/a',
      ...(n > 0 ? { dependsOn: `s${n - 1}` } : {}),
    })),
  });

  test('a chain of them is accepted, either way round', () => {
    const forwards = chain(10_000);
    expect(parse(forwards).steps).toHaveLength(10_000);
    expect(parse({ ...forwards, steps: forwards.steps.toReversed() }).steps).toHaveLength(10_000);
  });

  test('one more is refused, and nothing else is said of the steps', () => {
    const { steps } = chain(10_001);
    const found = faults({ id: 'w', steps: steps.map(() => ({})) });
    expect(found).toEqual({ steps: 'has 10001 steps, above stepsMax 10000' });
  });

  test('looking at a chain is linear in its length', () => {
    const looks = (length: number) => {
      let count = 0;
      const counting = <T extends object>(target: T): T =>
        new Proxy(target, {
          get(from, key, self) {
            count++;
            return Reflect.get(from, key, self);
          },
        });
      const definition = chain(length);
      parse({ ...definition, steps: counting(definition.steps.map(counting)) });
      return count;
    };
    const [small, large] = [looks(500), looks(5000)];
    expect(large / small).toBeLessThan(10.5);
  });
});
