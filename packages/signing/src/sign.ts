import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  type KeyObject,
  sign as nodeSign,
  randomBytes,
} from 'node:crypto';
import { SigningError } from './errors.ts';
import { invalid, parseSecret, parseSecrets, type Secret } from './secret.ts';

export interface SignedMessage {
  /** `webhook-id`: the same on every attempt of a delivery. */
  readonly id: string;
  /** `webhook-timestamp`: whole Unix seconds, fresh on every attempt. */
  readonly timestampSeconds: number;
  /** The body exactly as it is sent; a string is signed as its UTF-8 bytes. */
  readonly body: string | Uint8Array;
}

export interface Signer {
  /** The value of `webhook-signature`: one signature per secret, separated by spaces. */
  sign(message: SignedMessage): string;
}

type SignBytes = (head: string, body: string | Uint8Array) => string;

/** DER in front of a raw 32-byte Ed25519 seed (RFC 8410), since node:crypto does not import raw seeds. */
const PKCS8_ED25519_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
/** DER in front of a raw 32-byte Ed25519 public key. */
const SPKI_ED25519_BYTES = 12;

/**
 * A Standard Webhooks signer. Keys are decoded once here; `sign` is synchronous (about 2 µs for HMAC).
 *
 * @param secrets `whsec_<base64>` signs `v1` (HMAC-SHA256), `whsk_<base64>` signs `v1a` (Ed25519). Newest first.
 * @throws SigningError `invalid_signing_secret`; `sign` throws `invalid_message` for a timestamp that is not whole seconds.
 */
export function createSigner(secrets: readonly string[]): Signer {
  const signers = parseSecrets(secrets, ['whsec_', 'whsk_']).map(toSigner);

  return {
    sign({ id, timestampSeconds, body }) {
      if (!Number.isSafeInteger(timestampSeconds)) {
        throw new SigningError('invalid_message', 'timestampSeconds must be a whole number of seconds');
      }
      const head = `${id}.${timestampSeconds}.`;
      let header = '';
      for (const signBytes of signers) header += `${header && ' '}${signBytes(head, body)}`;
      return header;
    },
  };
}

/** A new `whsec_` secret of 256 random bits. */
export function generateSigningSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** The `whpk_` public key that verifies what the given `whsk_` secret signs. Throws `invalid_signing_secret`. */
export function publicKeyOf(secret: string): string {
  const { bytes } = parseSecret(secret, ['whsk_']);
  return `whpk_${rawPublicKey(toPrivateKey(bytes)).toString('base64')}`;
}

function toSigner({ kind, bytes }: Secret): SignBytes {
  return kind === 'hmac' ? hmacSigner(bytes) : ed25519Signer(bytes);
}

function hmacSigner(bytes: Uint8Array): SignBytes {
  const key = createSecretKey(bytes);
  return (head, body) => `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`;
}

function ed25519Signer(bytes: Uint8Array): SignBytes {
  const key = toPrivateKey(bytes);
  return (head, body) => {
    const message = Buffer.concat([Buffer.from(head), typeof body === 'string' ? Buffer.from(body) : body]);
    return `v1a,${nodeSign(null, message, key).toString('base64')}`;
  };
}

function toPrivateKey(bytes: Uint8Array): KeyObject {
  const seed = bytes.subarray(0, 32);
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_ED25519_HEAD, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  // Signing with a seed that is not the announced key's would only show at the receivers.
  if (bytes.length === 64 && !rawPublicKey(key).equals(bytes.subarray(32))) {
    throw invalid('the public half of a whsk_ signing secret does not belong to its private half');
  }
  return key;
}

function rawPublicKey(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(SPKI_ED25519_BYTES);
}
