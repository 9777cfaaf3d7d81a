import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSigner, generateSigningSecret, publicKeyOf } from './sign.ts';
import { createVerifier, SigningError, verifyWebhook } from './verify.ts';

const hmacSecret = generateSigningSecret();
const privateKey = `whsk_${Buffer.alloc(32, 7).toString('base64')}`;
const keys = [
  { kind: 'v1', secret: hmacSecret, verifyWith: hmacSecret },
  { kind: 'v1a', secret: privateKey, verifyWith: publicKeyOf(privateKey) },
];
const now = 1_700_000_000;

function signed(secret: string, over: { id?: string; body?: string | Uint8Array; at?: number } = {}) {
  const { id = 'msg_1', body = '{"n":1}', at = now } = over;
  const signature = createSigner([secret]).sign({ id, timestampSeconds: at, body });
  return { id, timestamp: String(at), signature, body, nowMs: now * 1000 };
}

/** One character of `text`, at a place derived from `seed`, becomes another one. */
function withChange(text: string, seed: number, replacement: string): string {
  const at = seed % text.length;
  return text.slice(0, at) + replacement + text.slice(at + 1);
}

// A lone surrogate has no UTF-8 bytes of its own: two of them are the same body on the wire.
const wellFormed = fc.string({ unit: 'binary' });
const ascii = fc.string({ unit: 'grapheme-ascii', minLength: 1 });

describe.each(keys)('$kind', ({ secret, verifyWith }) => {
  const verify = createVerifier({ secrets: [verifyWith] });

  test('any body signs and verifies, as text and as bytes', async () => {
    await fc.assert(
      fc.asyncProperty(wellFormed, ascii, async (body, id) => {
        expect(await verify(signed(secret, { body, id }))).toBe(true);
        const bytes = new TextEncoder().encode(body);
        expect(await verify({ ...signed(secret, { body, id }), body: bytes })).toBe(true);
      }),
    );
  });

  test('any bytes sign and verify', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), async (body) => {
        expect(await verify(signed(secret, { body }))).toBe(true);
      }),
    );
  });

  test.each(['body', 'id', 'timestamp', 'signature'] as const)(
    'a changed character of the %s does not verify',
    async (field) => {
      const anyText = fc.record({ body: wellFormed.filter((text) => text !== ''), id: ascii });
      await fc.assert(
        fc.asyncProperty(
          anyText,
          fc.nat(),
          fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
          async (text, seed, char) => {
            const genuine = signed(secret, text);
            const changed = withChange(genuine[field] as string, seed, char);
            fc.pre(changed !== genuine[field] && !/\p{Surrogate}/u.test(changed));
            // Without a bound on age, only the signature can refuse.
            const lenient = createVerifier({ secrets: [verifyWith], toleranceSeconds: 1e12 });
            expect(await lenient({ ...genuine, [field]: changed })).toBe(false);
          },
        ),
        { numRuns: 300 },
      );
    },
  );

  test('the unused bits of the last base64 character do not make a second valid signature', async () => {
    const genuine = signed(secret);
    const padding = genuine.signature.endsWith('==') ? 2 : 1;
    const at = genuine.signature.length - padding - 1;
    const next = String.fromCharCode(genuine.signature.charCodeAt(at) + 1);
    const twin = genuine.signature.slice(0, at) + next + genuine.signature.slice(at + 1);
    const bytes = (text: string) => Buffer.from(text.slice(text.indexOf(',') + 1), 'base64');
    expect(bytes(twin)).toEqual(bytes(genuine.signature));
    expect(await verify({ ...genuine, signature: twin })).toBe(false);
  });

  test('the version tag must be the one of the key', async () => {
    const genuine = signed(secret);
    const tag = genuine.signature.startsWith('v1a,') ? 'v1,' : 'v1a,';
    const signature = tag + genuine.signature.slice(genuine.signature.indexOf(',') + 1);
    expect(await verify({ ...genuine, signature })).toBe(false);
    expect(await verify({ ...genuine, signature: signature.slice(tag.length) })).toBe(false);
  });
});

describe('time', () => {
  test.each([
    [300, true],
    [301, false],
    [-300, true],
    [-301, false],
  ])('a message %d s old: %s', async (ageSeconds, expected) => {
    const message = signed(hmacSecret, { at: now - ageSeconds });
    expect(await verifyWebhook({ ...message, secrets: [hmacSecret] })).toBe(expected);
  });

  test('the tolerance can be narrowed, and the clock is read by default', async () => {
    const old = signed(hmacSecret, { at: now - 11 });
    expect(await verifyWebhook({ ...old, secrets: [hmacSecret], toleranceSeconds: 10 })).toBe(false);
    const { nowMs: _, ...unclocked } = signed(hmacSecret, { at: Math.floor(Date.now() / 1000) });
    expect(await verifyWebhook({ ...unclocked, secrets: [hmacSecret] })).toBe(true);
  });
});

describe('headers and rotation', () => {
  const { body, nowMs, ...fields } = signed(hmacSecret);
  const record = {
    'Webhook-Id': fields.id,
    'webhook-timestamp': [fields.timestamp],
    'WEBHOOK-SIGNATURE': `v2,unknown ${fields.signature}`,
  };

  test.each([
    ['a plain record', record],
    ['Headers', new Headers({ ...record, 'webhook-timestamp': fields.timestamp })],
  ])('are read from %s', async (_name, headers) => {
    expect(await verifyWebhook({ headers, body, nowMs, secrets: [hmacSecret] })).toBe(true);
    expect(await verifyWebhook({ headers, body: `${body} `, nowMs, secrets: [hmacSecret] })).toBe(false);
  });

  test('one of several signatures and one of several secrets are enough', async () => {
    const other = generateSigningSecret();
    const signature = createSigner([other, privateKey, hmacSecret]).sign({
      id: 'msg_1',
      timestampSeconds: now,
      body,
    });
    expect(signature.split(' ')).toHaveLength(3);
    const message = { ...signed(hmacSecret), signature };
    for (const secrets of [
      [other],
      [hmacSecret],
      [publicKeyOf(privateKey)],
      [generateSigningSecret(), other],
    ]) {
      expect(await verifyWebhook({ ...message, secrets })).toBe(true);
    }
    expect(await verifyWebhook({ ...message, secrets: [generateSigningSecret()] })).toBe(false);
  });
});

describe('bad input', () => {
  const genuine = signed(hmacSecret);

  test.each([
    ['no id', { id: undefined }],
    ['an empty id', { id: '' }],
    ['no timestamp', { timestamp: null }],
    ['a signed timestamp', { timestamp: `+${now}` }],
    ['a timestamp with a fraction', { timestamp: `${now}.0` }],
    ['no signature', { signature: undefined }],
    ['an unknown version', { signature: genuine.signature.replace('v1', 'v9') }],
    ['a signature of a megabyte', { signature: `v1,${'A'.repeat(1 << 20)}` }],
    ['no body', { body: undefined }],
    ['a parsed body', { body: { n: 1 } }],
    ['headers that are null', { headers: null }],
    ['headers without ours', { headers: {} }],
    ['a clock that is no number', { nowMs: Number.NaN }],
  ])('%s gives false', async (_name, over) => {
    const input = { ...genuine, ...over, secrets: [hmacSecret] } as Parameters<typeof verifyWebhook>[0];
    expect(await verifyWebhook(input)).toBe(false);
  });

  test('anything at all gives false and does not throw', async () => {
    const verify = createVerifier({ secrets: [hmacSecret] });
    await fc.assert(
      fc.asyncProperty(fc.anything(), fc.anything(), fc.anything(), async (timestamp, signature, body) => {
        const input = { ...genuine, timestamp, signature, body } as Parameters<typeof verify>[0];
        expect(await verify(input)).toBe(false);
      }),
    );
  });
});

describe('bad configuration', () => {
  test.each([
    ['no secret', []],
    ['a bare base64', ['MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']],
    ['another alphabet', ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa_-']],
    ['missing padding', ['whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4']],
    ['an empty key', ['whsec_']],
    ['a short key', [`whsec_${Buffer.alloc(15).toString('base64')}`]],
    ['a private key', [privateKey]],
    ['a public key of another length', [`whpk_${Buffer.alloc(31).toString('base64')}`]],
    ['too many', Array.from({ length: 17 }, () => hmacSecret)],
  ])('%s throws, without the secret in the message', async (_name, secrets) => {
    const error = await verifyWebhook({ ...signed(hmacSecret), secrets }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SigningError);
    expect(error).toMatchObject({ code: 'invalid_signing_secret' });
    for (const secret of secrets) {
      const key = secret.slice(secret.indexOf('_') + 1);
      if (key) expect((error as Error).message).not.toContain(key);
    }
  });
});

test('nothing reachable from the verify entry imports anything but its own files', () => {
  const seen = new Set<string>();
  const walk = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const source = readFileSync(new URL(file, import.meta.url), 'utf8');
    for (const [, specifier = ''] of source.matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)/g)) {
      expect(specifier, `import in ${file}`).toMatch(/^\.\//);
      walk(specifier);
    }
  };
  walk('./verify.ts');
  expect([...seen].sort()).toEqual(['./base64.ts', './errors.ts', './secret.ts', './verify.ts']);
});
