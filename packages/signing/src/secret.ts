import { decodeBase64 } from './base64.ts';
import { SigningError } from './errors.ts';

/** More than any rotation needs; bounds the work a hostile `webhook-signature` header can cause. */
export const SIGNATURES_MAX = 16;

const HMAC_KEY_BYTES_MIN = 16;

/** Key spellings of Standard Webhooks, by prefix. An Ed25519 private key is its 32-byte seed, or seed + public key. */
const KINDS = {
  whsec_: { kind: 'hmac', isLength: (n: number) => n >= HMAC_KEY_BYTES_MIN },
  whsk_: { kind: 'ed25519-private', isLength: (n: number) => n === 32 || n === 64 },
  whpk_: { kind: 'ed25519-public', isLength: (n: number) => n === 32 },
} as const;

type Prefix = keyof typeof KINDS;

export interface Secret {
  readonly kind: (typeof KINDS)[Prefix]['kind'];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Reads one configured key. `usable` are the prefixes that make sense at the caller. Throws `invalid_signing_secret`. */
export function parseSecret(text: string, usable: readonly Prefix[]): Secret {
  const prefix = usable.find((candidate) => typeof text === 'string' && text.startsWith(candidate));
  if (!prefix) {
    throw invalid(`a signing secret must start with ${usable.join(' or ')} followed by base64`);
  }
  const bytes = decodeBase64(text.slice(prefix.length));
  if (!bytes) throw invalid(`what follows ${prefix} in a signing secret must be padded standard base64`);
  const { kind, isLength } = KINDS[prefix];
  if (!isLength(bytes.length)) {
    throw invalid(`a ${prefix} signing secret must not hold ${bytes.length} bytes (${LENGTHS[prefix]})`);
  }
  return { kind, bytes };
}

const LENGTHS: Record<Prefix, string> = {
  whsec_: `${HMAC_KEY_BYTES_MIN} or more; 24 to 64 are recommended`,
  whsk_: '32 or 64',
  whpk_: '32',
};

export function parseSecrets(texts: readonly string[], usable: readonly Prefix[]): Secret[] {
  if (texts.length === 0) throw invalid('at least one signing secret is needed');
  if (texts.length > SIGNATURES_MAX) throw invalid(`at most ${SIGNATURES_MAX} signing secrets are supported`);
  return texts.map((text) => parseSecret(text, usable));
}

export function invalid(message: string): SigningError {
  return new SigningError('invalid_signing_secret', message);
}
