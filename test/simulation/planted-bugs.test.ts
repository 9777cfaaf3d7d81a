import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { plantedBugs } from './planted-bugs.ts';

test.each(plantedBugs.map((bug) => [bug.name, bug] as const))('can be planted: %s', (_, bug) => {
  const built = readFileSync(new URL(`../../${bug.file}`, import.meta.url), 'utf8');
  expect(built.split(bug.find)).toHaveLength(2);
  expect(bug.replace).not.toBe(bug.find);
});

test('there are enough of them, each with a name of its own', () => {
  expect(new Set(plantedBugs.map(({ name }) => name)).size).toBe(plantedBugs.length);
  expect(plantedBugs.length).toBeGreaterThanOrEqual(17);
});
