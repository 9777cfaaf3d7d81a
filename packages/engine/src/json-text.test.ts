import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { elementTexts, isNestedDeeperThan, membersOf, memberText } from './json-text.ts';

const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\r', '\t'), maxLength: 3 });

/** JSON text of a value with whitespace of one kind wherever JSON allows it, and keys escaped at random. */
function format(value: unknown, gap: string, isEscaped: boolean): string {
  const text = (item: string) => {
    const plain = JSON.stringify(item);
    if (!isEscaped) return plain;
    const units = Array.from({ length: item.length }, (_, at) => item.charCodeAt(at));
    return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
  };
  const walk = (item: unknown): string => {
    if (typeof item === 'string') return text(item);
    if (Array.isArray(item)) return `[${gap}${item.map(walk).join(`${gap},${gap}`)}${gap}]`;
    if (typeof item !== 'object' || item === null) return JSON.stringify(item);
    const members = Object.entries(item).map(([key, member]) => `${text(key)}${gap}:${gap}${walk(member)}`);
    return `{${gap}${members.join(`${gap},${gap}`)}${gap}}`;
  };
  return gap + walk(value) + gap;
}

const key = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', '"', '\\', '\\"', '}', ',', ''),
  fc.string({ unit: 'binary' }),
);
const object = fc
  .array(fc.tuple(key, fc.jsonValue({ stringUnit: 'binary' })), { maxLength: 6 })
  .map((entries) => Object.fromEntries(entries) as Record<string, unknown>);

describe('memberText', () => {
  test('has what JSON.parse has, whatever the values, the keys and the whitespace', () => {
    fc.assert(
      fc.property(object, space, fc.boolean(), (value, gap, isEscaped) => {
        const text = format(value, gap, isEscaped);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        for (const name of [...Object.keys(value), 'absent']) {
          const cut = memberText(text, name);
          const expected = Object.getOwnPropertyDescriptor(parsed, name);
          expect(cut === undefined ? undefined : JSON.parse(cut)).toEqual(expected?.value);
          expect(cut).toBe(cut?.trim());
        }
        expect(membersOf(text).map((member) => member.key)).toEqual(Object.keys(value));
      }),
    );
  });

  test('of duplicates the last, also when one is written with escapes', () => {
    const text = '{"a":1,"b":2,"\\u0061":3}';
    expect(memberText(text, 'a')).toBe('3');
    expect(membersOf(text).map((member) => member.key)).toEqual(['a', 'b', 'a']);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.jsonValue())), (members) => {
        const doubled = `{${members.map(([name, value]) => `"${name}":${JSON.stringify(value)}`).join()}}`;
        const parsed = JSON.parse(doubled) as Record<string, unknown>;
        const cut = memberText(doubled, 'a');
        expect(cut === undefined ? undefined : JSON.parse(cut)).toEqual(parsed.a);
      }),
    );
  });

  test.each(['[]', '[{"a":1}]', '"a"', 'null', '1', ' {} ', '{"b":{"a":1}}'])(
    'finds nothing in %s',
    (text) => {
      expect(memberText(text, 'a')).toBeUndefined();
    },
  );

  test('numbers, order and nested texts come as they were written', () => {
    const context = '{"z":12345678901234567890, "a" : [1e400,\n"}"], "z":-0.0}';
    expect(memberText(`{"id":"x","context":${context}}`, 'context')).toBe(context);
  });
});

describe('isNestedDeeperThan', () => {
  test.each([
    ['1', 0, false],
    ['[]', 0, true],
    ['[]', 1, false],
    ['{"a":[1,[2]]}', 2, true],
    ['{"a":[1,[2]]}', 3, false],
    ['[[],[],[]]', 2, false],
    ['["[[[[", "\\"[["]', 1, false],
  ])('%s against %d', (text, depth, expected) => {
    expect(isNestedDeeperThan(text, depth)).toBe(expected);
  });
});

describe('elementTexts', () => {
  test('has what JSON.parse has, up to as many as asked for, and counts the rest', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue({ stringUnit: 'binary' })),
        space,
        fc.nat(5),
        (values, gap, keepMax) => {
          const { texts, count } = elementTexts(format(values, gap, false), keepMax)!;
          expect(count).toBe(values.length);
          expect(texts.map((text) => JSON.parse(text))).toEqual(
            JSON.parse(JSON.stringify(values.slice(0, keepMax))),
          );
          expect(texts.every((text) => text === text.trim())).toBe(true);
        },
      ),
    );
  });

  test.each(['{}', '"[]"', 'null', '1', ' {"a":[]} '])('there are none in %s', (text) => {
    expect(elementTexts(text, 9)).toBeNull();
  });
});

test('a text that is no JSON is looked through to its end, and no further', () => {
  for (const text of ['{"a', '{"a":"', '{"a":[', '["', '[[', '[1,', '{"a":\\', '']) {
    expect(memberText(text, 'b')).toBeUndefined();
    elementTexts(text, 1);
    isNestedDeeperThan(text, 1);
  }
});
