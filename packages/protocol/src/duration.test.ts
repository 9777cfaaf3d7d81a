import { describe, expect, test } from 'vitest';
import { durationSchema, parseDuration } from './duration.ts';

const schema = durationSchema({ min: 0.001, max: 365 * 86_400 });

test.each([
  [5, 5],
  [0.25, 0.25],
  [0.001, 0.001],
  ['250ms', 0.25],
  ['1ms', 0.001],
  ['30s', 30],
  ['1.5s', 1.5],
  ['5m', 300],
  ['24h', 86_400],
  ['7d', 604_800],
  ['365d', 31_536_000],
  ['0.1d', 8640],
])('%j is %d seconds', (input, seconds) => {
  expect(schema.parse(input)).toBe(seconds);
});

describe('refused', () => {
  test.each([
    '',
    '5',
    ' 5s',
    '5 s',
    '5S',
    '-5s',
    '+5s',
    '5s ',
    '5s\n',
    '1h30m',
    '.5s',
    '5.s',
    '1e3s',
    '5w',
    '٥s',
  ])('the text %j is no duration', (text) => {
    expect(parseDuration(text)).toBeNull();
    expect(schema.safeParse(text).error!.issues[0]!.message).toContain('"250ms"');
  });

  test.each([0, -1, 0.0009, '0s', '0.4ms', '366d', 31_536_001, `${'9'.repeat(400)}d`])(
    '%j is out of bounds',
    (input) => {
      const { issues } = schema.safeParse(input).error!;
      expect(issues.map((issue) => issue.message)).toEqual(['must be from 0.001 to 31536000 seconds']);
    },
  );

  test.each([null, true, [], {}, Number.NaN, Number.POSITIVE_INFINITY])('%j', (input) => {
    expect(schema.safeParse(input).success).toBe(false);
  });
});
