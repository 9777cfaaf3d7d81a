import { createHmac } from 'node:crypto';
import { SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { createCallbackTokens } from './callback-token.ts';

const masterKey = 'a master key of thirty-two characters';
const tokens = createCallbackTokens(masterKey);
const claims = { run: 'run_1', step: 'approve', round: 0, attempt: 2 };
const nowMs = 1_700_000_000_000;
const later = nowMs / 1000 + 60;
const key = () => new Uint8Array(32);
const forged = () => new SignJWT({ ...claims }).setExpirationTime(later).setAudience('waybill:callback');

test('what is minted reads back', async () => {
  expect(await tokens.read(tokens.mint(claims, later), nowMs)).toEqual(claims);
});

test('one of ours whose time is over is told from one that is none of ours', async () => {
  expect(await tokens.read(tokens.mint(claims, nowMs / 1000 - 1), nowMs)).toBe('expired');
});

describe('is refused', () => {
  const [head, body, signature] = tokens.mint(claims, later).split('.') as [string, string, string];
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

  test.each([
    ['of another deployment', () => createCallbackTokens(`${masterKey}!`).mint(claims, later)],
    ['with alg none', () => `${encode({ alg: 'none', typ: 'callback+jwt' })}.${body}.`],
    [
      'with another step',
      () => `${head}.${encode({ ...claims, step: 'x', aud: 'waybill:callback', exp: later })}.${signature}`,
    ],
    ['signed by nobody', () => `${head}.${body}`],
    ['no token', () => 'run_1'],
    ['empty', () => ''],
  ])('%s', async (_, make) => {
    expect(await tokens.read(make(), nowMs)).toBeNull();
  });

  test.each([
    ['another type', () => forged().setProtectedHeader({ alg: 'HS256', typ: 'JWT' })],
    ['no type', () => forged().setProtectedHeader({ alg: 'HS256' })],
    [
      'another audience',
      () => forged().setAudience('else').setProtectedHeader({ alg: 'HS256', typ: 'callback+jwt' }),
    ],
  ])('%s, even under a known key', async (_, make) => {
    expect(await tokens.read(await make().sign(key()), nowMs)).toBeNull();
  });

  test('a token without an end', async () => {
    const endless = `${head}.${encode({ ...claims, aud: 'waybill:callback' })}`;
    const mac = createHmac('sha256', key()).update(endless).digest('base64url');
    expect(await tokens.read(`${endless}.${mac}`, nowMs)).toBeNull();
  });
});
