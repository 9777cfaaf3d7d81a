/**
 * `@waybill/signing/verify`: Standard Webhooks verification on WebCrypto alone, for Node, Bun, Deno and edge.
 * Nothing reachable from here may import `node:` modules (a test walks the imports).
 */
import { decodeCanonicalBase64 } from './base64.ts';
import { parseSecrets, type Secret, SIGNATURES_MAX } from './secret.ts';

export { SigningError, type SigningErrorCode } from './errors.ts';

export type HeadersLike =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface WebhookFields {
  readonly id: string | null | undefined;
  readonly timestamp: string | null | undefined;
  readonly signature: string | null | undefined;
}

/** What arrived: the three `webhook-*` headers (together or apart) and the body exactly as received. */
export type ReceivedWebhook = ({ readonly headers: HeadersLike } | WebhookFields) & {
  readonly body: string | Uint8Array;
  /** Unix milliseconds; the machine's clock by default. */
  readonly nowMs?: number;
};

export interface VerifierOptions {
  /** `whsec_<base64>` or `whpk_<base64 Ed25519 public key>`; any of them may match. */
  readonly secrets: readonly string[];
  /** How far the timestamp may be from now, past or future. Default 300. */
  readonly toleranceSeconds?: number;
}

export type Verifier = (received: ReceivedWebhook) => Promise<boolean>;

type CheckBytes = (signature: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>) => Promise<boolean>;

interface Check {
  readonly version: 'v1' | 'v1a';
  readonly matches: CheckBytes;
}

const TIMESTAMP = /^\d{1,12}$/;
/** Base64 of an Ed25519 signature, the longest there is: nothing longer is worth decoding. */
const SIGNATURE_CHARS_MAX = 88;
const encoder = new TextEncoder();

/**
 * A verifier with its keys decoded once. It resolves false for anything that is not a genuine, fresh message,
 * malformed input included, and never rejects because of what arrived.
 *
 * @throws SigningError `invalid_signing_secret` at once, when a configured secret is not usable.
 */
export function createVerifier({ secrets, toleranceSeconds = 300 }: VerifierOptions): Verifier {
  const checks = parseSecrets(secrets, ['whsec_', 'whpk_']).map(toCheck);

  return async function verify(received: ReceivedWebhook): Promise<boolean> {
    const { id, timestamp, signature } = fieldsOf(received);
    const { body, nowMs = Date.now() } = received;
    if (!isText(id) || !isText(timestamp) || !isText(signature) || !isBody(body)) return false;
    if (!isFresh({ timestamp, toleranceSeconds, nowMs })) return false;
    const message = concat(encoder.encode(`${id}.${timestamp}.`), body);
    return matchesAny({ checks, header: signature, message });
  };
}

/** `createVerifier` for a single message. Rejects with SigningError only for a bad configured secret. */
export async function verifyWebhook(input: ReceivedWebhook & VerifierOptions): Promise<boolean> {
  return createVerifier(input)(input);
}

/** Compares by `subtle.verify`, which is constant-time. */
async function matchesAny(input: { checks: Check[]; header: string; message: Uint8Array<ArrayBuffer> }) {
  for (const entry of input.header.split(' ', SIGNATURES_MAX)) {
    const comma = entry.indexOf(',');
    const version = entry.slice(0, Math.max(comma, 0));
    const text = entry.slice(comma + 1);
    const signature = text.length <= SIGNATURE_CHARS_MAX ? decodeCanonicalBase64(text) : undefined;
    if (!signature) continue;
    for (const check of input.checks) {
      if (check.version === version && (await check.matches(signature, input.message))) return true;
    }
  }
  return false;
}

function toCheck({ kind, bytes }: Secret): Check {
  if (kind === 'hmac') {
    return { version: 'v1', matches: checkWith({ name: 'HMAC', hash: 'SHA-256' }, bytes) };
  }
  return { version: 'v1a', matches: checkWith({ name: 'Ed25519' }, bytes) };
}

function checkWith(algorithm: { name: string; hash?: string }, bytes: Uint8Array<ArrayBuffer>): CheckBytes {
  // Imported at the first use, so that a rejection (a platform without Ed25519) has a caller to reach.
  let key: ReturnType<typeof crypto.subtle.importKey> | undefined;
  return async (signature, message) => {
    key ??= crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify']);
    return crypto.subtle.verify(algorithm.name, await key, signature, message);
  };
}

function isFresh(input: { timestamp: string; toleranceSeconds: number; nowMs: number }): boolean {
  if (!TIMESTAMP.test(input.timestamp)) return false;
  const ageSeconds = Math.floor(input.nowMs / 1000) - Number(input.timestamp);
  return Math.abs(ageSeconds) <= input.toleranceSeconds;
}

function fieldsOf(received: ReceivedWebhook): WebhookFields {
  if (!('headers' in received)) return received;
  const { headers } = received;
  return {
    id: headerOf(headers, 'webhook-id'),
    timestamp: headerOf(headers, 'webhook-timestamp'),
    signature: headerOf(headers, 'webhook-signature'),
  };
}

function headerOf(headers: HeadersLike, name: string): string | null | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  if (isHeaders(headers)) return headers.get(name);
  const key = Object.keys(headers).find((candidate) => candidate.toLowerCase() === name);
  const value = key === undefined ? undefined : headers[key];
  return typeof value === 'string' ? value : value?.[0];
}

function isHeaders(headers: HeadersLike): headers is { get(name: string): string | null } {
  return typeof headers.get === 'function';
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isBody(value: unknown): value is string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function concat(head: Uint8Array, body: string | Uint8Array): Uint8Array<ArrayBuffer> {
  const tail = typeof body === 'string' ? encoder.encode(body) : body;
  const message = new Uint8Array(head.length + tail.length);
  message.set(head);
  message.set(tail, head.length);
  return message;
}
