/** What keeps an evaluation short is counted, so these tests count too: nothing here looks at a clock. */
import { describe, expect, test } from 'vitest';
import { compileExpression, evaluateCondition, evaluateList } from './index.ts';
import { limits } from './limits.ts';

const fault = (text: string) => {
  const outcome = compileExpression(text);
  return 'fault' in outcome ? outcome.fault : null;
};

function run(text: string, data: unknown, kind: 'condition' | 'list' = 'condition') {
  const outcome = compileExpression(text);
  if ('fault' in outcome) throw new Error(outcome.fault);
  const input = { context: typeof data === 'string' ? data : JSON.stringify(data), step: () => null };
  const evaluate = kind === 'list' ? evaluateList : evaluateCondition;
  return evaluate(outcome.expression, input);
}

const tooMuch = { error: 'takes more than 100,000 operations: shorten the list or the expression' };
const numbers = (length: number) => Array.from({ length }, (_, at) => at);

describe('at definition', () => {
  test('characters', () => {
    const text = (length: number) => `"${'a'.repeat(length - 8)}" == ""`;
    expect(fault(text(4000))).toBeNull();
    expect(fault(text(4001))).toBe('has 4,001 characters, above 4,000');
  });

  test.each([
    ['(', ')'],
    ['[', ']'],
    ['size(', ')'],
    ['{"a":', '}'],
    ['context[', ']'],
  ])('brackets: %s%s', (open, close) => {
    const nested = (depth: number) => `${open.repeat(depth)}1${close.repeat(depth)}`;
    expect(fault(nested(32))).toBeNull();
    expect(fault(nested(33))).toMatch(/^line 1, column \d+: brackets nest deeper than 32$/);
    expect(fault(open.repeat(900 / open.length))).toMatch(/brackets nest deeper/);
  });

  test.each([
    '"((((((((((((((((((((((((((((((((((((" != ""',
    "r'\\' == '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[['",
    `1 == 1 //${'{'.repeat(40)}\n`,
  ])('brackets inside of literals and comments are none: %s', (text) => {
    expect(fault(text)).toBeNull();
  });

  test('closing brackets inside of literals hide none', () => {
    expect(fault('(")" + '.repeat(33))).toMatch(/brackets nest deeper/);
  });

  test.each<[string, (depth: number) => string]>([
    ['sums', (depth) => `1${'+1'.repeat(depth - 1)} == 1`],
    ['choices', (depth) => `${'true?1:'.repeat(depth)}1`],
    ['members', (depth) => `{}${'.a'.repeat(depth)}`],
  ])('operators: %s', (_, text) => {
    expect(fault(text(98))).toBeNull();
    expect(fault(text(120))).toMatch(/^line 1, column \d+: nests deeper than 100: break it up$/);
  });
});

describe('while it runs', () => {
  test('items of a comprehension, of a list and of a forEach', () => {
    const message = { error: 'the list has 10,001 items, above 10,000' };
    expect(run('context.all(x, x >= 0)', numbers(10_000))).toEqual({ value: true });
    expect(run('context.all(x, x >= 0)', numbers(10_001))).toEqual(message);
    expect(run('context', numbers(10_001), 'list')).toEqual(message);
    expect(run('context', numbers(10_000), 'list')).toHaveProperty('items.length', 10_000);
    expect(run('context + [1]', numbers(10_000), 'list')).toEqual(message);
    const keys = Object.fromEntries(numbers(10_001).map((key) => [`k${key}`, 1]));
    expect(run('context.exists(k, k == "")', keys)).toEqual(message);
  });

  test('a filter and a map of what users have fit', () => {
    const orders = numbers(2000).map((id) => ({ id, paid: id % 2 === 0, total: id * 10 }));
    expect(run('context.filter(o, o.paid && o.total > 100).map(o, o.id)', orders, 'list')).toHaveProperty(
      'items.length',
      994,
    );
  });

  test.each<[string, unknown]>([
    [`context.all(x, ${'x >= 0 && '.repeat(40)}true)`, numbers(10_000)],
    ['context.exists(x, x.missing > 1)', numbers(10_000).map(() => ({}))],
    ['context.all(x, x in context)', numbers(10_000)],
    ['context.all(x, context == context)', numbers(5000)],
    ['context.i.map(x, context.s + context.s) == []', { i: numbers(1000), s: 'a'.repeat(50_000) }],
    ['context.i.map(x, size(context.s)) == []', { i: numbers(1000), s: 'a'.repeat(50_000) }],
    [
      'context.i.all(x, context.s == context.t)',
      { i: numbers(1000), s: 'a'.repeat(50_000), t: 'a'.repeat(50_000) },
    ],
    ['context.i.map(x, context.i + context.i) == []', { i: numbers(10_000) }],
    [
      'context.s.contains(context.t)',
      { s: 'a'.repeat(80_000), t: `${'a'.repeat(9000)}b${'a'.repeat(9000)}` },
    ],
    [`${'context.s + '.repeat(80)}"" == ""`, { s: 'a'.repeat(100_000) }],
  ])('work is counted: %s', (text, data) => {
    const small = JSON.parse(JSON.stringify(data, (_, value) => shorten(value)));
    expect(run(text, small)).not.toEqual(tooMuch);
    expect(run(text, data)).toEqual(tooMuch);
  });

  test.each<[string, unknown]>([
    ['context.i.map(x, context)', { i: numbers(10_000), s: 'a'.repeat(50_000) }],
    ['context.map(x, [x, x, x, x, x, x, x, x])', numbers(10_000)],
  ])('and the text of items that are computed: %s', (text, data) => {
    expect(run(text, data, 'list')).toEqual(tooMuch);
  });

  test('nothing that comes after it is worth anything: || does not hide it', () => {
    expect(run('context.all(x, context == context) || true', numbers(10_000))).toEqual(tooMuch);
  });

  test('JSON is parsed up to a bound, above which a path is cut out of its text', () => {
    const text = JSON.stringify({ long: 'a'.repeat(limits.parsedCharsMax), total: 5, list: [1, 2] });
    expect(run('context.total == 5 && context.list[1] == 2 && context.total + 1 == 6', text)).toEqual({
      value: true,
    });
    expect(run('has(context.list) && !has(context.x)', text)).toEqual({
      error: `reads 131,106 characters of JSON, above 131,072: name a smaller part of it`,
    });
    expect(run('context.x == 1', text)).toEqual({ error: 'context.x does not exist' });
    expect(run('context.list', text, 'list')).toEqual({ items: ['1', '2'] });
  });

  test('and looked through up to another', () => {
    const text = JSON.stringify({ long: 'a'.repeat(limits.scannedCharsMax / 2), a: 1, b: 2 });
    expect(run('context.a == 1', text)).toEqual({ value: true });
    expect(run('context.a == 1 && context.b == 2', text)).toEqual({
      error: expect.stringMatching(/^looks through 1,\d+,\d+ characters of JSON, above 1,310,720/),
    });
    expect(run('context.a == 1 && context.a < 2', text)).toEqual({ value: true });
  });
});

/** The same data, a thousand times smaller. */
function shorten(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, Math.ceil(value.length / 1000));
  return Array.isArray(value) ? value.slice(0, Math.ceil(value.length / 1000)) : value;
}
