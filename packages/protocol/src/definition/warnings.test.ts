import { expect, test } from 'vitest';
import { checks } from '../../test/checks.ts';
import { parseDefinition } from './parse.ts';
import { findWarnings } from './warnings.ts';

function warnings(length: number, fields: object = {}) {
  const steps = Array.from({ length }, (_, at) => {
    return { id: `s${at}`, url: '/s', ...(at > 0 ? { dependsOn: `s${at - 1}`, ...fields } : {}) };
  });
  const result = parseDefinition({ id: 'w', steps }, checks);
  if ('faults' in result) throw new Error(JSON.stringify(result.faults));
  return findWarnings(result.definition);
}

test('a chain over 200 deep that is sent all results above it: the first step that is', () => {
  expect(warnings(200)).toEqual([]);
  expect(warnings(203)).toEqual([
    { path: 'steps[200].input', message: expect.stringMatching(/^step "s200" is 201 deep/) },
  ]);
});

test.each([[{ input: 'dependencies' }], [{ input: 'none' }], [{ input: ['s0'] }]])(
  'not with %j',
  (fields) => {
    expect(warnings(300, fields)).toEqual([]);
  },
);
