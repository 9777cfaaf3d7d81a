import { hash, randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

export interface ApiKey {
  /** `wb_`, 33 random base62 characters (196 bits), 6 of checksum. Shown once, never stored. */
  readonly key: string;
  /** SHA-256 of the key: what is stored and looked up. A plain hash is enough for 196 random bits. */
  readonly hash: Buffer;
  /** The first characters, to tell keys apart in lists. */
  readonly prefix: string;
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_CHARS = 33;
const CHECKSUM_CHARS = 6;
const PREFIX_CHARS_MAX = 10;
const GENERATED = /^wb_[0-9A-Za-z]{39}$/;
const BOOTSTRAP = /^wb_[\x21-\x7e]{9,253}$/;

export function createApiKey(): ApiKey {
  const random = Array.from({ length: RANDOM_CHARS }, () => BASE62[randomInt(62)]).join('');
  const key = `wb_${random}${checksumOf(random)}`;
  return { key, hash: hashApiKey(key), prefix: apiKeyPrefix(key) };
}

/** SHA-256 of the key's UTF-8 bytes, 32 bytes. */
export function hashApiKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** At most 10 characters and never more than half, so a short bootstrap key is not given away. */
export function apiKeyPrefix(key: string): string {
  return key.slice(0, Math.min(PREFIX_CHARS_MAX, Math.floor(key.length / 2)));
}

/** Whether `createApiKey` could have made this key: shape and checksum. Says nothing about a bootstrap key. */
export function isWellFormedApiKey(key: string): boolean {
  if (!GENERATED.test(key)) return false;
  return key.endsWith(checksumOf(key.slice(3, 3 + RANDOM_CHARS)));
}

/** Whether an operator may bring this key: `wb_` and at least 12 characters in all, printable ASCII without spaces, at most 256. */
export function isBootstrapApiKey(key: string): boolean {
  return BOOTSTRAP.test(key);
}

/** CRC-32 in base62, as other issuers do, so that a secret scanner can tell a key from a look-alike. */
function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_CHARS; i++) {
    digits = BASE62[rest % 62] + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
