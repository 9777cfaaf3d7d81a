import { describe, expect, test } from 'vitest';
import { compileExpression, type Expression, evaluateCondition, evaluateList } from './index.ts';

const context = {
  total: 12_000,
  two: 2,
  name: 'Ada',
  none: null,
  items: [3, 1, 2],
  orders: [
    { id: 'a', paid: true, total: 5 },
    { id: 'b', paid: false, total: 50 },
    { id: 'c', paid: true, total: 500 },
  ],
  'with-hyphen': { deep: true },
};
const steps: Record<string, { state: string; result: string | null; error: unknown }> = {
  charge: { state: 'completed', result: '{"ok":true,"list":["x","y"]}', error: null },
  'process-a': { state: 'completed', result: '7', error: null },
  broken: { state: 'failed', result: null, error: { code: 'declined', status: 402 } },
};

function compiled(text: string): Expression {
  const outcome = compileExpression(text);
  if ('fault' in outcome) throw new Error(outcome.fault);
  return outcome.expression;
}

const over = (data: unknown) => ({
  context: typeof data === 'string' ? data : JSON.stringify(data),
  step: (id: string) => steps[id] ?? null,
});

const fault = (text: string) => {
  const outcome = compileExpression(text);
  return 'fault' in outcome ? outcome.fault : null;
};
const judge = (text: string, data: unknown = context) => evaluateCondition(compiled(text), over(data));
const list = (text: string, data: unknown = context) => evaluateList(compiled(text), over(data));

describe('a condition', () => {
  test.each([
    'context.total > 10000',
    'context.two + 1 == 3',
    'size(context.items) > 2',
    'size(context.items) + 1 == 4',
    'context.items.size() == 3 && context.name.size() == 3',
    'context.items[0] == 3 && context.items[context.items[1]] == 1',
    'context.items[0u] == 0x3',
    'context["name"] == "Ada" && context["with-hyphen"].deep',
    '-context.two == -2 && - 2 == -context.two && 7 % 4 == 3 && 5 / 2 == 2.5 && 1 / 0 > 1e300',
    '2 in context.items && !(9 in context.items) && "name" in context && !("x" in context)',
    'context.items == [3, 1, 2] && context.items != [3, 1]',
    'context.orders[0] == {"total": 5, "paid": true, "id": "a"}',
    '{"a": {"b": 1}}.a["b"] == 1',
    '[1, 2] + [3] == [1, 2, 3] && "a" + "b" == "ab"',
    'context.none == null && has(context.none) && !has(context.x)',
    'has(context["with-hyphen"].deep)',
    '"a" < "b" && false < true && 1 != "1"',
    'context.total > 1 ? context.two == 2 : context.x',
    'context.orders.exists(o, o.total > 100) && context.orders.all(o, has(o.id))',
    'context.orders.exists_one(o, !o.paid) && !context.orders.exists_one(o, o.paid)',
    'context.orders.filter(o, o.paid).map(o, o.id) == ["a", "c"]',
    'context.orders.map(o, o.paid, o.total) == [5, 500]',
    'context.orders[0].exists(key, key == "paid")',
    'size("💥") == 1 && string(1.0) == "1" && string(true) == "true" && double("1.5") == 1.5 && int(-1.5) == -1',
    'context.name.startsWith("A") && context.name.endsWith("a") && context.name.contains("d")',
    'steps.charge.result.ok && steps.charge.state == "completed"',
    'steps["process-a"].result == 7 && steps.charge["result"]["list"][1] == "y"',
    'steps.broken.error.code == "declined" && steps.broken.result == null && !has(steps.broken.result)',
    'has(steps.broken.error) && !has(steps.charge.error) && has(steps.charge.result.ok)',
    'true || context.x == 1',
    'context.x == 1 || true',
    '!(context.x == 1 && false)',
    '[1, 2].exists(x, x > 1 || x.y)',
    'context.name != r"\\n" // a comment\n',
  ])('holds: %s', (text) => {
    expect(judge(text)).toEqual({ value: true });
  });

  test.each<[string, string]>([
    ['context.x == 1', 'context.x does not exist'],
    ['context.name.first == 1', 'context.name.first does not exist'],
    ['context["a b"].c', 'context["a b"] does not exist'],
    ['steps.charge.result.no', 'steps.charge.result.no does not exist'],
    ['steps["process-a"].result.no', 'steps["process-a"].result.no does not exist'],
    ['steps.nowhere.state == "x"', 'there is no step "nowhere"'],
    ['context.orders.exists(o, o.missing)', 'there is no key "missing"'],
    ['context.orders.map(o, o.id.x) == []', 'a string has no key "x"'],
    ['has(context.x.y)', 'context.x does not exist'],
    ['context.orders.all(o, has(o.id.x))', 'a string has no keys'],
    ['context.items[3] == 1', 'there is no place 3 in a list of 3'],
    ['context.items[0.5] == 1', 'there is no place 0.5 in a list of 3'],
    ['context.items[-1] == 1', 'there is no place -1 in a list of 3'],
    ['context.name[0] == "A"', 'a string has no place 0'],
    ['context.total', 'gives a number, not true or false'],
    ['context.none', 'gives null, not true or false'],
    ['context.total > "1"', '">" does not go with a number and a string'],
    ['context.name + 1 == ""', '"+" does not go with a string and a number'],
    ['!context.total', '"!" takes a bool, not a number'],
    ['context.total && true', '&& takes a bool, not a number'],
    ['context.total ? true : false', '?: takes a bool, not a number'],
    ['context.items.exists(x, x)', '.exists() takes a bool, not a number'],
    ['context.total.all(x, true)', '.all() takes a list or a map, not a number'],
    ['1 in context.name', '"in" takes a list or a map on its right, not a string'],
    ['size(context.total) > 1', 'size() takes a string, a list or a map, not a number'],
    ['context.total.contains("1")', '.contains() takes a string after a string, not a string after a number'],
    ['int("one") == 1', 'int() takes a string that holds a number'],
    ['{1: 2} == {}', 'a key is a string, not a number'],
    ['{"a": 1, "a": 2} == {}', 'the key "a" is there twice'],
  ])('%s is an error: %s', (text, error) => {
    expect(judge(text)).toEqual({ error });
  });
});

describe('data is data', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('the key %s', (key) => {
    expect(judge(`has(context.${key})`, {})).toEqual({ value: false });
    expect(judge(`"${key}" in context`, {})).toEqual({ value: false });
    expect(judge(`context.${key} == 1`, {})).toEqual({ error: `context.${key} does not exist` });
    expect(judge(`context.a.map(x, x.${key}) == []`, { a: [{}] })).toHaveProperty('error');
    const own = `{"${key}":{"${key}":null},"a":[{"${key}":1}]}`;
    expect(judge(`context.${key}.${key} == null && has(context.${key})`, own)).toEqual({ value: true });
    expect(judge(`context.a.all(x, x.${key} == 1 && "${key}" in x)`, own)).toEqual({ value: true });
    expect(judge(`{"${key}": 1}.${key} == 1 && size({"${key}": 1}) == 1`)).toEqual({ value: true });
    expect(list(`context.a.map(x, {"${key}": x.${key}})`, own)).toEqual({ items: [`{"${key}":1}`] });
  });
});

describe('a list', () => {
  test.each<[string, string[]]>([
    ['context.items', ['3', '1', '2']],
    ['steps.charge.result.list', ['"x"', '"y"']],
    ['steps["charge"].result["list"]', ['"x"', '"y"']],
    ['context.orders.filter(o, o.paid).map(o, o.id)', ['"a"', '"c"']],
    ['[1, "two", null, true, [], {}]', ['1', '"two"', 'null', 'true', '[]', '{}']],
    ['context.items.filter(x, x > 9)', []],
  ])('%s', (text, items) => {
    expect(list(text)).toEqual({ items });
  });

  test('of a plain path comes as it was written: digits, order, spaces inside, duplicates', () => {
    const text = ' { "items" : [ 12345678901234567890 , {"b":1.0, "a" : -0.0, "a":2} ,"\\u0041",[ ]\n] } ';
    const items = ['12345678901234567890', '{"b":1.0, "a" : -0.0, "a":2}', '"\\u0041"', '[ ]'];
    expect(list('context.items', text)).toEqual({ items });
    expect(list('context', '[1e400, 2]')).toEqual({ items: ['1e400', '2'] });
    expect(list('context.items', '{"items":[1],"\\u0069tems":[]}')).toEqual({ items: [] });
  });

  test.each<[string, string]>([
    ['context.total', 'context.total is a number, not a list'],
    ['context', 'context is a map, not a list'],
    ['context.name', 'context.name is a string, not a list'],
    ['steps.broken.result', 'steps.broken.result is null, not a list'],
    ['steps.charge.state', 'steps.charge.state is a string, not a list'],
    ['context.x.y', 'context.x does not exist'],
    ['context.name + "!"', 'gives a string, not a list'],
    ['context.items.map(x, x / 0)', 'gives Infinity, which JSON does not have'],
    ['context.items.map(x, context.items[x])', 'there is no place 3 in a list of 3'],
  ])('%s is an error: %s', (text, error) => {
    expect(list(text)).toEqual({ error });
  });
});

describe('what an expression reads', () => {
  test.each<[string, string[]]>([
    ['context.total > 1', []],
    [
      'steps.a.result && steps["b-1"].state == "x" && has(steps.c.error) && steps.a.state == ""',
      ['a', 'b-1', 'c'],
    ],
    ['context.items.exists(x, x == steps.d.result.id)', ['d']],
    ['has(steps.e.result.x)', ['e']],
  ])('%s', (text, expected) => {
    expect(compiled(text)).toMatchObject({ text, steps: expected });
  });

  test('and no more of it is asked for', () => {
    const asked: string[] = [];
    const step = (id: string) => {
      asked.push(id);
      return { state: 'completed', result: 'true', error: null };
    };
    expect(
      evaluateCondition(compiled('steps.a.result || steps.b.result'), { context: 'no JSON', step }),
    ).toEqual({
      value: true,
    });
    expect(asked).toEqual(['a']);
  });
});

describe('a fault says what and where', () => {
  test.each<[string, string]>([
    ['', 'line 1, column 1: the end is not expected here'],
    ['context.total >', 'line 1, column 15: ">" is not expected here'],
    ['context.total > 1\n  &&& true', 'line 2, column 3: "&&& true" is not expected here'],
    ['context.total >\r\n', 'line 1, column 15: ">\\r\\n" is not expected here'],
    ['context.return.x + while', 'line 1, column 20: reserved identifier'],
    ['total > 1', 'line 1, column 1: unknown name "total": an expression reads context and steps'],
    ['steps.process-a.result', 'a step id with hyphens is written steps["process-a"]'],
    ['steps.a.result && b.c', 'line 1, column 19: unknown name "b"'],
    ['steps', '"steps" alone cannot be read: name the step, as in steps.charge.result'],
    ['steps.exists(s, s == "a")', '"steps" alone cannot be read'],
    ['steps[context.x].result', 'line 1, column 1: "steps" alone cannot be read: name the step'],
    ['steps["a" + "b"].result', 'name the step'],
    ['"a" in steps', 'name the step'],
    ['steps.a', 'a step is read by its parts: name .result or .state or .error'],
    ['steps.a.results', 'a step has no part "results"'],
    ['has(steps.a)', 'a step is read by its parts'],
    ['has(steps.a.attempts)', 'a step has no part "attempts"'],
    ['has(context)', 'has() takes a member, as in has(context.total)'],
    ['context.name.matches("a+")', '.matches() is not offered: use .contains()'],
    ['now() > 1', 'now() is unknown, or has other arguments; there are size()'],
    ['size(1, 2)', 'size() is unknown'],
    ['context.size(1)', '.size() is unknown'],
    ['all([], true)', 'all() is unknown'],
    ['context.items.exists(context, true)', '"context" is taken'],
    ['context.items.map(steps, true)', '"steps" is taken'],
    ['context.a.all(x, x.b.exists(y, y))', '.exists() cannot stand inside another comprehension'],
    ['context.a.map(x, x.filter(x, true))', '.filter() cannot stand inside'],
    ['b"x" == b"x"', 'bytes are not offered'],
    ['google.protobuf.Int32Value{value: 1} == 1', 'unknown type "google.protobuf.Int32Value"'],
    ['"\\ud800" == ""', 'surrogate code points are not allowed'],
  ])('%j', (text, message) => {
    expect(fault(text)).toMatch(/^line \d+, column \d+: /);
    expect(fault(text)).toContain(message);
  });

  test('a list above which another is made is no nesting', () => {
    expect(fault('context.a.filter(x, x.b).map(y, y.c).exists(z, z)')).toBeNull();
  });
});
