import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { apiKeyPrefix, createApiKey, hashApiKey, isBootstrapApiKey, isWellFormedApiKey } from './api-key.ts';

test('a new key is well formed, hashed by SHA-256, and known by its first characters', () => {
  const { key, hash, prefix } = createApiKey();
  expect(key).toMatch(/^wb_[0-9A-Za-z]{39}$/);
  expect(hash).toEqual(createHash('sha256').update(key).digest());
  expect(hashApiKey(key)).toEqual(hash);
  expect(prefix).toBe(key.slice(0, 10));
  expect(isWellFormedApiKey(key)).toBe(true);
});

test('keys do not repeat and use the whole alphabet', () => {
  const keys = Array.from({ length: 200 }, () => createApiKey().key);
  expect(new Set(keys).size).toBe(200);
  expect(new Set(keys.map((key) => key.slice(3, 36)).join('')).size).toBe(62);
});

test('the checksum finds every single changed character', () => {
  const { key } = createApiKey();
  for (let at = 0; at < key.length; at++) {
    const changed = key.slice(0, at) + (key[at] === 'a' ? 'b' : 'a') + key.slice(at + 1);
    expect(isWellFormedApiKey(changed), `position ${at}`).toBe(false);
  }
});

// Fixed for ever: keys already issued must stay well formed.
test('the checksum is CRC-32 of the random part in base62', () => {
  expect(isWellFormedApiKey(`wb_${'0'.repeat(33)}26BYXP`)).toBe(true);
});

test.each([
  ['wb_dev-key-1', true],
  ['wb_short-12', false],
  ['xx_dev-key-12', false],
  ['wb_has a space', false],
  ['wb_has\nnewline', false],
  [`wb_${'x'.repeat(253)}`, true],
  [`wb_${'x'.repeat(254)}`, false],
])('the bootstrap key %j: %s', (key, expected) => {
  expect(isBootstrapApiKey(key)).toBe(expected);
  expect(isWellFormedApiKey(key)).toBe(false);
});

test('the prefix of a short bootstrap key shows no more than half of it', () => {
  expect(apiKeyPrefix('wb_dev-key-1')).toBe('wb_dev');
});
