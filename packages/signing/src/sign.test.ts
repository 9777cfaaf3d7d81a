import { describe, expect, test } from 'vitest';
import { SigningError } from './errors.ts';
import { createSigner, generateSigningSecret, publicKeyOf } from './sign.ts';

const message = { id: 'msg_1', timestampSeconds: 1_700_000_000, body: '{}' };

test('a generated secret is a whsec_ of 32 fresh bytes', () => {
  const secret = generateSigningSecret();
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(generateSigningSecret()).not.toBe(secret);
});

test('each secret gives one signature, in order', () => {
  const secrets = [generateSigningSecret(), generateSigningSecret()];
  const alone = secrets.map((secret) => createSigner([secret]).sign(message));
  expect(createSigner(secrets).sign(message)).toBe(alone.join(' '));
});

describe('refuses', () => {
  const seed = Buffer.alloc(32, 1);
  const foreignPublicHalf = Buffer.alloc(32, 2);

  test.each([
    ['no secret', []],
    ['a public key', [publicKeyOf(`whsk_${seed.toString('base64')}`)]],
    ['an Ed25519 key of another length', [`whsk_${Buffer.alloc(48).toString('base64')}`]],
    [
      'halves that do not belong together',
      [`whsk_${Buffer.concat([seed, foreignPublicHalf]).toString('base64')}`],
    ],
    ['something else', ['hunter2']],
  ])('%s', (_name, secrets) => {
    expect(() => createSigner(secrets)).toThrow(SigningError);
    expect(() => createSigner(secrets)).toThrow(expect.objectContaining({ code: 'invalid_signing_secret' }));
  });

  test('a timestamp that is not whole seconds', () => {
    const signer = createSigner([generateSigningSecret()]);
    for (const timestampSeconds of [1.5, Number.NaN]) {
      expect(() => signer.sign({ ...message, timestampSeconds })).toThrow(
        expect.objectContaining({ code: 'invalid_message' }),
      );
    }
  });
});
