import { Problem } from '@waybill/protocol';
import { expect, test } from 'vitest';
import { Places } from './places.ts';

const refuse = () => new Problem('too_many_starts', 'no place');
const forever = () => new Promise<never>(() => {});

test('bytes bound places as well', async () => {
  const places = new Places({ countMax: 100, bytesMax: 1000, refuse });
  void places.within('a', 600, forever);
  await expect(places.within('b', 500, async () => 1)).rejects.toMatchObject({ code: 'too_many_starts' });
  expect(await places.within('b', 400, async () => 1)).toBe(1);
  expect(await places.within('b', 400, async () => 2)).toBe(2);
  expect(places.taken).toBe(1);
});

test('work that fails gives its place back', async () => {
  const places = new Places({ countMax: 1, bytesMax: 1000, refuse });
  const fail = () => Promise.reject(new Error('boom'));
  for (let n = 0; n < 3; n++) await expect(places.within('a', 1000, fail)).rejects.toThrow('boom');
  expect(places.taken).toBe(0);
});
