import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { armFailpoint, failpoint, failpoints, flushKinds } from './failpoints.ts';

const rooms = ['../../../apps/api/src/', '../../../apps/dispatcher/src/', './'].map((room) =>
  fileURLToPath(new URL(room, import.meta.url)),
);

function sources(): string[] {
  return rooms.flatMap((room) =>
    (readdirSync(room, { recursive: true }) as string[])
      .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|^failpoints\.ts$/.test(file))
      .map((file) => readFileSync(`${room}${file}`, 'utf8')),
  );
}

/** What stands in a template, as the types have it. */
const members: Readonly<Record<string, readonly string[]>> = {
  '${moment}': ['before', 'after'],
  '${kind}': Object.keys(flushKinds),
  '${delivery.kind}': ['step', 'compensation', 'hook'],
};

function expand(name: string): string[] {
  const [template] = /\$\{[^}]+\}/.exec(name) ?? [];
  if (template === undefined) return [name];
  return members[template]!.flatMap((member) => expand(name.replace(template, member)));
}

test('every point of the table is at one place in the sources, and every place is in the table', () => {
  const names = sources().flatMap((source) =>
    [...source.matchAll(/failpoint\(['`]([^'`]+)['`]\)/g)].flatMap(([, name]) => expand(name!)),
  );
  expect(names.toSorted()).toEqual(Object.keys(failpoints).sort());
});

test('every kind of flush is one of some event, or of an entry without one', () => {
  const source = readFileSync(new URL('./journal/flush-points.ts', import.meta.url), 'utf8');
  for (const kind of Object.keys(flushKinds)) expect(source).toContain(`'${kind}'`);
});

test('a point that is not armed does nothing; one that there is not cannot be armed', () => {
  failpoint('api.key');
  expect(() => armFailpoint('api.nothing')).toThrow('there is no point');
  expect(() => armFailpoint('api.key:0')).toThrow('there is no point');
});
