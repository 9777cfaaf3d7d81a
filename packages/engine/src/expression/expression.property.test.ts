import { celEnv, isCelError, isCelList, isCelMap, parse, plan } from '@bufbuild/cel';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canGive, compileExpression, evaluateCondition, evaluateList } from './index.ts';

const words =
  'context steps a b . . ( ) [ ] { } + - * / % ! ? : , < > <= == != && || in "a" \'b\' r"c" 1 2.5 1u null true has size exists all map filter x // \\ \n 💥 \ud800';
const soup = fc.array(fc.constantFrom(...words.split(' ')), { maxLength: 60 }).map((parts) => parts.join(''));
const anyText = fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 1200 }), fc.string({ maxLength: 200 }));

const atom = fc.constantFrom(
  'context.n',
  'context.s',
  'context.yes',
  'context.l',
  'context.m',
  'context.m.a',
  'context.none',
  '2.0',
  '0.5',
  '"a"',
  'true',
  'false',
  'null',
  '[1.0, 2.0]',
  '{"a": 1.0}',
);

const grammar = fc.letrec<{ any: string; flat: string }>((tie) => {
  const build = (inner: fc.Arbitrary<string>) => [
    fc
      .tuple(
        inner,
        fc.constantFrom('+', '-', '*', '/', '==', '!=', '<', '<=', '>', '>=', '&&', '||', 'in'),
        inner,
      )
      .map(([left, sign, right]) => `(${left} ${sign} ${right})`),
    inner.map((part) => `!(${part})`),
    fc.tuple(inner, inner, inner).map(([test, yes, no]) => `(${test} ? ${yes} : ${no})`),
    inner.map((part) => `${part}.a`),
    fc
      .tuple(inner, fc.constantFrom('contains', 'startsWith', 'endsWith'), inner)
      .map(([text, name, part]) => `${text}.${name}(${part})`),
  ];
  return {
    /** No comprehension in it; `x` is the variable of the one around. */
    flat: fc.oneof({ depthSize: 'small' }, atom, fc.constant('x'), ...build(tie('flat'))),
    any: fc.oneof(
      { depthSize: 'small' },
      atom,
      ...build(tie('any')),
      fc
        .tuple(tie('any'), fc.constantFrom('exists', 'all', 'exists_one', 'filter', 'map'), tie('flat'))
        .map(([list, macro, body]) => `${list}.${macro}(x, ${body})`),
    ),
  };
});

const data = { n: 2, s: 'abc', yes: true, l: [1, 2, 3, 'a', null], m: { a: 1, b: [true] }, none: null };

test('nothing throws, whatever the text and the data', () => {
  const result = fc.option(fc.oneof(fc.json(), fc.string()));
  const state = fc.record({ state: fc.string(), result, error: fc.anything() });
  let compiledCount = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        grammar.any,
        grammar.any.map((text) => text.replaceAll('context.n', 'steps.a.error')),
      ),
      fc.oneof(fc.json(), fc.string()),
      fc.option(state),
      (text, context, step) => {
        const outcome = compileExpression(text);
        if ('fault' in outcome) {
          expect(outcome.fault).toMatch(/^line \d+, column \d+: .|^has 1,\d+ char/);
          return;
        }
        compiledCount++;
        const input = { context, step: () => step };
        expect(Object.keys(evaluateCondition(outcome.expression, input))).toHaveLength(1);
        expect(Object.keys(evaluateList(outcome.expression, input))).toHaveLength(1);
      },
    ),
    { numRuns: 2000, seed: 14 },
  );
  expect(compiledCount).toBeGreaterThan(500);
});

test('what an expression gives is of a kind that it was said to be able to give', () => {
  const seen = { bool: 0, list: 0, neither: 0 };
  fc.assert(
    fc.property(grammar.any, (text) => {
      const outcome = compileExpression(text);
      if ('fault' in outcome) return;
      const { expression } = outcome;
      const input = { context: JSON.stringify(data), step: () => null };
      const can = { bool: canGive(expression.tree, 'bool'), list: canGive(expression.tree, 'list') };
      if ('value' in evaluateCondition(expression, input) && ++seen.bool)
        expect(can).toHaveProperty('bool', true);
      if ('items' in evaluateList(expression, input) && ++seen.list) expect(can).toHaveProperty('list', true);
      if (!can.bool && !can.list) seen.neither++;
    }),
    { numRuns: 3000, seed: 14 },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(50);
});

test('what both have means the same as in the library', () => {
  const env = celEnv();
  const input = { context: JSON.stringify(data), step: () => null };
  const seen = { value: 0, error: 0 };
  fc.assert(
    fc.property(grammar.any, (text) => {
      const outcome = compileExpression(`[${text}]`);
      if ('fault' in outcome) {
        expect(outcome.fault).toMatch(/^has 1,/);
        return;
      }
      const ours = evaluateList(outcome.expression, input);
      const theirs = plan(env, parse(`[${text}]`))({ context: data });
      if (isCelError(theirs)) {
        seen.error++;
        expect(ours, String(theirs)).toHaveProperty('error');
      } else {
        seen.value++;
        expect(ours).toEqual({ items: (plain(theirs) as unknown[]).map((item) => JSON.stringify(item)) });
      }
    }),
    { numRuns: 3000, seed: 14 },
  );
  expect(Math.min(seen.value, seen.error)).toBeGreaterThan(300);
});

function plain(value: unknown): unknown {
  if (isCelList(value)) return Array.from(value, plain);
  return isCelMap(value) ? Object.fromEntries(Array.from(value, ([key, item]) => [key, plain(item)])) : value;
}
