import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKeyring } from './keyring.ts';

const oldKey = 'an old master key, 32 characters or more';
const newKey = Buffer.alloc(32, 9).toString('base64');
const failure = (code: string) => expect.objectContaining({ name: 'SigningError', code });

test('what is sealed opens again, and no two sealings look alike', () => {
  const keyring = createKeyring(newKey);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (plaintext, aad) => {
      const sealed = keyring.seal(plaintext, aad);
      expect(keyring.open(sealed, aad)).toBe(plaintext);
      expect(keyring.seal(plaintext, aad)).not.toBe(sealed);
    }),
  );
});

test('the sealed text names version, key id, iv and ciphertext, and not the plaintext', () => {
  const sealed = createKeyring(newKey).seal('whsec_secret', 'row-1');
  expect(sealed).toMatch(/^v1\.[0-9a-f]{12}\.[\w-]{16}\.[\w-]+$/);
  expect(sealed).not.toContain('whsec_secret');
});

describe('rotation', () => {
  const sealedBefore = createKeyring(oldKey).seal('kept', 'row-1');

  test('a previous key opens, and only the current one seals', () => {
    const rotated = createKeyring(newKey, [oldKey]);
    expect(rotated.open(sealedBefore, 'row-1')).toBe('kept');
    const keyIdOf = (sealed: string) => sealed.split('.')[1];
    expect(keyIdOf(rotated.seal('x', 'row-1'))).toBe(keyIdOf(createKeyring(newKey).seal('x', 'row-1')));
  });

  test('a key that is not there is named by its id', () => {
    expect(() => createKeyring(newKey).open(sealedBefore, 'row-1')).toThrow(failure('unknown_sealing_key'));
  });
});

describe('refuses to open', () => {
  const keyring = createKeyring(newKey);
  const sealed = keyring.seal('the plaintext', 'row-1');

  test('for another row, without the plaintext in the error', () => {
    expect(() => keyring.open(sealed, 'row-2')).toThrow(failure('unseal_failed'));
    expect(() => keyring.open(sealed, 'row-2')).not.toThrow(/plaintext|row-/);
  });

  test('after any change of a byte of iv, ciphertext or tag', () => {
    const [version, keyId, iv = '', rest = ''] = sealed.split('.');
    const flip = (text: string, at: number) => {
      const bytes = Buffer.from(text, 'base64url');
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      return bytes.toString('base64url');
    };
    for (let at = 0; at < 12; at++) {
      expect(() => keyring.open([version, keyId, flip(iv, at), rest].join('.'), 'row-1')).toThrow(
        failure('unseal_failed'),
      );
    }
    for (let at = 0; at < Buffer.from(rest, 'base64url').length; at++) {
      expect(() => keyring.open([version, keyId, iv, flip(rest, at)].join('.'), 'row-1')).toThrow(
        failure('unseal_failed'),
      );
    }
  });

  test.each([
    '',
    'plain',
    'v2.000000000000.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA',
    sealed.slice(0, 40),
    `${sealed}=`,
  ])('%j, which is not a sealed text', (text) =>
    expect(() => keyring.open(text, 'row-1')).toThrow(failure('malformed_sealed_text')),
  );
});

describe('the master key', () => {
  test.each(['', 'x'.repeat(31), `${'x'.repeat(31)}\n`])(
    '%j is too short, and the error says what to do',
    (key) => {
      expect(() => createKeyring(key)).toThrow(failure('invalid_master_key'));
      expect(() => createKeyring(key)).toThrow(/at least 32 characters.*openssl rand -base64 32/);
      expect(() => createKeyring(newKey, [key])).toThrow(failure('invalid_master_key'));
    },
  );

  test('may end in the newline of the file it was read from', () => {
    expect(createKeyring(`${newKey}\n`).open(createKeyring(newKey).seal('x', 'a'), 'a')).toBe('x');
  });
});
