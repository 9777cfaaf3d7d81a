import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { SigningError } from './errors.ts';

/** Seals secrets for storage. Keep one per process. */
export interface Keyring {
  /**
   * @param aad what the sealed text belongs to, e.g. `projects/<id>/signing-secret`. It is not stored:
   *   a text copied to another row does not open there.
   * @returns `v1.<key id>.<iv>.<ciphertext and tag>`, binary parts in base64url.
   */
  seal(plaintext: string, aad: string): string;
  /** @throws SigningError `malformed_sealed_text`, `unknown_sealing_key` or `unseal_failed`. */
  open(sealed: string, aad: string): string;
}

interface SealingKey {
  readonly id: string;
  readonly bytes: Buffer;
}

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const MASTER_KEY_CHARS_MIN = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM under a key derived from `masterKey` by HKDF-SHA256. There is no stretching: the master key
 * must be random, not a pass phrase.
 *
 * @param masterKey 32 characters or more after trimming, e.g. base64 of 32 random bytes. Seals and opens.
 * @param previous master keys that only open, for rotation.
 * @throws SigningError `invalid_master_key`
 */
export function createKeyring(masterKey: string, previous: readonly string[] = []): Keyring {
  const current = deriveKey(masterKey);
  const keys = new Map([...previous.map(deriveKey), current].map((key) => [key.id, key]));

  return {
    seal(plaintext, aad) {
      const head = `${VERSION}.${current.id}`;
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, current.bytes, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(boundTo(head, aad));
      const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${head}.${iv.toString('base64url')}.${sealed.toString('base64url')}`;
    },

    open(sealed, aad) {
      const { head, keyId, iv, ciphertext, tag } = parseSealed(sealed);
      const key = keys.get(keyId);
      if (!key) {
        throw new SigningError('unknown_sealing_key', `no master key in use has the key id ${keyId}`);
      }
      const decipher = createDecipheriv(CIPHER, key.bytes, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(boundTo(head, aad)).setAuthTag(tag);
      try {
        return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
      } catch {
        throw new SigningError('unseal_failed', 'the sealed text was altered or belongs to something else');
      }
    },
  };
}

function deriveKey(masterKey: string): SealingKey {
  // A key read from a mounted file often ends in a newline; the same key from a variable does not.
  const secret = typeof masterKey === 'string' ? masterKey.trim() : '';
  if (secret.length < MASTER_KEY_CHARS_MIN) {
    throw new SigningError(
      'invalid_master_key',
      `a master key must be random and have at least ${MASTER_KEY_CHARS_MIN} characters; ` +
        'make one with: openssl rand -base64 32',
    );
  }
  const derive = (purpose: string, length: number) =>
    Buffer.from(hkdfSync('sha256', secret, 'waybill', `waybill/secrets/${VERSION}/${purpose}`, length));
  return { id: derive('key-id', 6).toString('hex'), bytes: derive(CIPHER, 32) };
}

/** The head is authenticated too, so a text cannot be relabelled with another version or key id. */
function boundTo(head: string, aad: string): Buffer {
  return Buffer.from(`${head}\n${aad}`, 'utf8');
}

const SEALED = /^(v1\.([0-9a-f]{12}))\.([\w-]{16})\.([\w-]{22,})$/;

function parseSealed(sealed: string) {
  const [, head = '', keyId = '', iv = '', rest = ''] = SEALED.exec(sealed) ?? [];
  if (!head) throw new SigningError('malformed_sealed_text', 'not a sealed text of a known version');
  const bytes = Buffer.from(rest, 'base64url');
  return {
    head,
    keyId,
    iv: Buffer.from(iv, 'base64url'),
    ciphertext: bytes.subarray(0, -TAG_BYTES),
    tag: bytes.subarray(-TAG_BYTES),
  };
}
