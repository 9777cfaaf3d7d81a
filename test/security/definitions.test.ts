/** S1, S2, S5 and S8 where they are met first: a definition that names such a target is not stored. */
import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

// `serve` lets these tests' handlers be called: 127.0.0.0/8, and nothing else that is special.
const platform = usePlatform();

const specialAddresses = [
  '0.0.0.0',
  '10.0.0.1',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '192.0.0.1',
  '192.0.2.1',
  '192.168.0.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '240.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[fc00::1]',
  '[fd12::1]',
  '[fe80::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[2001:db8::1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:a00:1]',
  '[::10.0.0.1]',
  '[64:ff9b::10.0.0.1]',
  '[2002:a00:1::]',
  '[2001:0:a00:1::]',
];

const disguisedAddresses = [
  '167772161', // 10.0.0.1
  '0xa.1',
  '012.0.0.1',
  '10.1',
  '0',
  '１０.0.0.1',
  '10.0.0.1.',
  '0x0a000001',
  '%31%30.0.0.1',
  '10。0。0。1',
];

const badUrls = [
  'file:///etc/passwd',
  'gopher://h.test/',
  'ftp://h.test/',
  'javascript:alert(1)',
  'data:,x',
  'http://user:secret@h.test/',
  'http://user@h.test/',
  'http://h.test:0/',
  'http://h.test:65536/',
  'http://',
  'h.test/a',
  '//h.test/a',
];

const urls = [...specialAddresses, ...disguisedAddresses].map((host) => `http://${host}/`).concat(badUrls);

test.each(urls)('%s is refused for steps, compensations and hooks', async (url) => {
  const { status, body } = await platform.now.client.refused({
    id: 'refused',
    steps: [{ id: 'a', url, compensation: url }],
    onComplete: url,
    onError: url,
  });
  expect([status, body.code]).toEqual([422, 'invalid_definition']);
  expect(body.errors!.map(({ path }) => path).sort()).toEqual([
    'onComplete',
    'onError',
    'steps[0].compensation',
    'steps[0].url',
  ]);
  expect(JSON.stringify(body)).not.toContain('secret');
});

test("the platform's own port is refused, although its address is allowed", async () => {
  for (const host of ['127.0.0.1', '127.0.0.2', '2130706433', 'localhost', '[::ffff:127.0.0.1]']) {
    const url = `http://${host}:${new URL(platform.now.url).port}/v1/runs`;
    expect((await platform.now.client.refused({ id: 'own', steps: [{ id: 'a', url }] })).status).toBe(422);
  }
});

test.each([
  ['x-a', 'a\r\nx-injected: 1'],
  ['x-a', 'a\nb'],
  ['x-a', 'a\u0000b'],
  ['x-a', '😀'],
  ['x-a\r\nx-b', '1'],
  ['x a', '1'],
  ['', '1'],
  ['Host', 'internal'],
  ['content-length', '0'],
  ['Transfer-Encoding', 'chunked'],
  ['connection', 'close'],
  ['webhook-signature', 'v1,x'],
  ['Webhook-Id', 'x'],
  ['waybill-run', 'x'],
  ['proxy-authorization', 'x'],
])('the header %j: %j is refused, also among the defaults', async (name, value) => {
  const headers = { [name]: value };
  const steps = [{ id: 'a', url: '/a', headers }];
  const { status, body } = await platform.now.client.refused({ id: 'refused', defaults: { headers }, steps });
  expect(status).toBe(422);
  expect(body.errors!.map(({ path }) => path)).toEqual([
    `defaults.headers.${name}`,
    `steps[0].headers.${name}`,
  ]);
});

test('an ordinary target with ordinary headers is taken', async () => {
  const headers = { 'x-tenant': 'é-1', authorization: 'Bearer x' };
  const steps = [{ id: 'a', url: 'https://h.example:8443/a?b=c', headers }];
  const { client } = platform.now;
  expect((await client.api('PUT', '/v1/workflows/fine', { steps })).status).toBe(201);
});
