import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, test } from 'vitest';
import { createSigner, generateSigningSecret, publicKeyOf } from './sign.ts';
import { verifyWebhook } from './verify.ts';

const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
const timestampSeconds = 1614265330;
const nowMs = timestampSeconds * 1000;
const body = '{"test": 2432232314}';

const V1 = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  verifyWith: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const V1A = {
  secret: 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==',
  verifyWith: 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=',
  signature: 'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==',
};

describe.each([V1, V1A])('the published vector $signature', ({ secret, verifyWith, signature }) => {
  test('is what the signer makes', () => {
    expect(createSigner([secret]).sign({ id, timestampSeconds, body })).toBe(signature);
    expect(createSigner([secret]).sign({ id, timestampSeconds, body: Buffer.from(body) })).toBe(signature);
  });

  test('verifies', async () => {
    const fields = { id, timestamp: String(timestampSeconds), signature, body, nowMs };
    expect(await verifyWebhook({ ...fields, secrets: [verifyWith] })).toBe(true);
  });
});

test('a 32-byte Ed25519 seed signs as its 64-byte spelling does', () => {
  const seed = Buffer.from(V1A.secret.slice(5), 'base64').subarray(0, 32);
  const short = `whsk_${seed.toString('base64')}`;
  expect(createSigner([short]).sign({ id, timestampSeconds, body })).toBe(V1A.signature);
  expect(publicKeyOf(short)).toBe(V1A.verifyWith);
});

describe.each([
  ['standardwebhooks', StandardWebhook],
  ['svix', SvixWebhook],
])('the reference library %s', (_name, Webhook) => {
  const now = Math.floor(Date.now() / 1000);
  const headersOf = (secrets: string[], text: string) => ({
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(now),
    'webhook-signature': createSigner(secrets).sign({ id: 'msg_1', timestampSeconds: now, body: text }),
  });

  test.each(['{"a":1}', '{"smile":"😀 ümlaut 漢字"}'])('verifies %s', (text) => {
    const secret = generateSigningSecret();
    expect(new Webhook(secret).verify(text, headersOf([secret], text))).toEqual(JSON.parse(text));
  });

  test('verifies with the old and with the new secret during rotation, beside an Ed25519 signature', () => {
    const [fresh, old] = [generateSigningSecret(), generateSigningSecret()];
    const headers = headersOf([fresh, V1A.secret, old], '{}');
    expect(new Webhook(fresh).verify('{}', headers)).toEqual({});
    expect(new Webhook(old).verify('{}', headers)).toEqual({});
    expect(() => new Webhook(generateSigningSecret()).verify('{}', headers)).toThrow('No matching signature');
  });
});
