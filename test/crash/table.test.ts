import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { isElsewhere } from './row.ts';
import { rows } from './table.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const ids = rows.map(({ id }) => id);

test('every fault of the list is in the table, once and in order', () => {
  const wanted = Array.from({ length: 24 }, (_, index) => `R${index + 1}`);
  expect(ids.filter((id) => id.startsWith('R'))).toEqual(wanted);
  expect(new Set(ids).size).toBe(ids.length);
});

test('every file of a row is registered under the id it is named after', () => {
  const files = readdirSync(new URL('./rows/', import.meta.url)).filter((file) =>
    /^[a-z]\d\d\.ts$/.test(file),
  );
  const scripts = rows.filter((row) => !isElsewhere(row)).map(({ id }) => id);
  const named = files.map((file) => `${file[0]!.toUpperCase()}${Number(file.slice(1, 3))}`);
  expect(named.toSorted()).toEqual(scripts.toSorted());
});

test('what is shown elsewhere names files that are there', () => {
  const places = rows.filter(isElsewhere).flatMap(({ where }) => where.match(/\S+\.test\.ts/g) ?? []);
  expect(places.length).toBeGreaterThan(0);
  for (const place of places)
    expect([place, existsSync(`${root}${place.replace(',', '')}`)]).toEqual([place, true]);
});
