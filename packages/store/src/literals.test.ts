import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid, startDatabase, type TestDatabase } from '../test/harness.ts';
import { integer, text, textArray, uuid, uuidArray, valuesOf } from './literals.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await startDatabase();
});
afterAll(() => database.stop());

async function select<T>(expression: string): Promise<T> {
  const [row] = await database.sql.unsafe<{ value: T }[]>(`select ${expression} as value`);
  return row!.value;
}

const awkward = fc.constantFrom(
  ...[
    'NULL',
    'null',
    '',
    '\\',
    "'",
    "''",
    '"',
    '{}',
    '{',
    ',',
    '\n',
    '\r\n',
    '\t',
    "\\'",
    '\\u0000',
    '𝄞',
    '$1',
  ],
  ...['--', ';', '/*', "E'", '$$', 'é', '\u{10ffff}', '\ufeff', ' '],
);
/** Whole code points only: a lone surrogate has no UTF-8, and JSON text carries it as an escape. */
const anyText = fc
  .array(fc.oneof(awkward, fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 6 })
  .map((parts) => parts.join('').replaceAll('\0', ''));

test('rows of any text without NUL, integers, nulls and UUIDs come back as they went', async () => {
  const row = fc.record(
    {
      id: fc.uuid(),
      text: fc.option(anyText, { nil: null }),
      number: fc.option(fc.maxSafeInteger(), { nil: null }),
    },
    { noNullPrototype: true },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
      const values = valuesOf(rows, ({ id, text: value, number }) => [
        uuid(id),
        `${text(value)}::text`,
        `${integer(number)}::bigint`,
      ]);
      const found = await database.sql.unsafe(`select * from (${values}) as u (id, text, number)`);
      // PostgreSQL has no negative zero.
      expect([...found]).toEqual(rows.map((each) => ({ ...each, number: each.number && each.number + 0 })));
    }),
    { numRuns: 300 },
  );
});

test('arrays of texts (tags) and of UUIDs come back as they went', async () => {
  const lists = fc.tuple(fc.array(anyText, { maxLength: 10 }), fc.array(fc.uuid(), { maxLength: 5 }));
  await fc.assert(
    fc.asyncProperty(lists, async ([texts, ids]) => {
      expect(await select(`${textArray(texts)}::text[]`)).toEqual(texts);
      expect(await select(uuidArray(ids))).toEqual(ids);
    }),
    { numRuns: 200 },
  );
});

test.each(['', 'x', `${newUuid()}'`, newUuid().toUpperCase(), `${newUuid()}\n`])('%j is no UUID', (id) => {
  expect(() => uuid(id)).toThrow(TypeError);
  expect(() => uuidArray([newUuid(), id])).toThrow(TypeError);
});

test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('%d is no integer', (value) => {
  expect(() => integer(value)).toThrow(TypeError);
});

test('text with NUL is refused here: in a message it would end the message', () => {
  expect(() => text('b\0c')).toThrow(TypeError);
  expect(() => textArray(['a', 'b\0c'])).toThrow(TypeError);
});
