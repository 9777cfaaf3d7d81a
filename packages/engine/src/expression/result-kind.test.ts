import { describe, expect, test } from 'vitest';
import { canGive, compileExpression, type ResultKind } from './index.ts';

function can(text: string, kind: ResultKind): boolean {
  const outcome = compileExpression(text);
  if ('fault' in outcome) throw new Error(outcome.fault);
  return canGive(outcome.expression.tree, kind);
}

describe('may be a list', () => {
  test.each([
    'context.list',
    'context.list[0]',
    'context["a"].b',
    'context.a + context.b',
    'context.a + [1]',
    '[1] + [2]',
    '[1, [2]][1]',
    '[1, [2]][context.at]',
    '{"a": 1, "b": [2]}.b',
    '{"a": 1, context.key: [2]}.b',
    'context.yes ? [1] : 2',
    '{"a": 1}.map(key, key)',
    'context.list.filter(x, !1.0)',
    'steps.a.result',
    'steps.a.error.list',
  ])('%s', (text) => {
    expect(can(text, 'list')).toBe(true);
  });
});

describe('is never a list', () => {
  test.each([
    '[1.0][0]',
    '[[1.0], 2.0][1]',
    '[[1.0]][1]',
    '[1, 2][context.at]',
    '"a" + "b"',
    '[1.0] + "b"',
    'context.a + 1',
    '{"a": 1.0, "b": [1.0]}.a',
    '{"a": 1.0}["b"]',
    '"a"[0]',
    '[context.list, !1.0]',
    '[1][null]',
    '1.0 ? [1] : [2]',
    'size([1])',
    'context',
    'steps.a.state',
    'steps.a.state.list',
    'steps.a.error',
    '2.0.filter(x, true)',
    '[1].exists(x, x > 0)',
  ])('%s', (text) => {
    expect(can(text, 'list')).toBe(false);
  });
});

describe('may be true or false', () => {
  test.each([
    'true',
    'context.a',
    '!context.a',
    '!context.a || 1.0',
    'context.a < context.b',
    '-context.a < 1',
    '[true, 1][0]',
    'context.a in context.b',
    '1 in [1]',
    '"a" in {"a": 1}',
    '1.0 == "a"',
    'has(context.a) && steps.a.result',
    'string(1) == "1" && int("1") == 1',
    '[].all(x, 1.0)',
  ])('%s', (text) => {
    expect(can(text, 'bool')).toBe(true);
  });
});

describe('is never true or false', () => {
  test.each([
    '!1.0',
    '!(context.a + 1.0)',
    '-context.a',
    '1.0 < "a"',
    '[1.0] < context.a',
    '1.0 == !"a"',
    '1.0 in 2.0',
    '"ab".contains(1.0)',
    'has("a".b)',
    '1.0 || "a"',
    '[true, 1.0][1]',
    '1.0 ? true : false',
    'steps.a.state',
    'size(1.0) > 1.0',
    'string(null) == "null"',
    'double(true) == 1',
    '{1.0: true} == context',
    'context.list.filter(x, x)',
  ])('%s', (text) => {
    expect(can(text, 'bool')).toBe(false);
  });
});

test.each([
  ['[', '][0]'],
  ['{"a": ', '}.a'],
  ['(context.yes ? 1 : ', ')'],
])('what nests deep in %s…%s is looked at once a level', (open, close) => {
  const text = (depth: number) => `${open.repeat(depth)}[1.0]${close.repeat(depth)}`;
  const looks = (depth: number) => {
    const outcome = compileExpression(text(depth));
    if ('fault' in outcome) throw new Error(outcome.fault);
    let count = 0;
    const counting = <T extends object>(target: T): T => {
      const own = seen.get(target) ?? new Proxy(target, { get: (from, key) => look(Reflect.get(from, key)) });
      seen.set(target, own);
      return own as T;
    };
    const seen = new Map<object, object>();
    const look = (value: unknown) => {
      count++;
      return typeof value === 'object' && value !== null ? counting(value) : value;
    };
    expect(canGive(counting(outcome.expression.tree), 'list')).toBe(true);
    return count;
  };
  expect(looks(14) / looks(7)).toBeLessThan(2.5);
});
