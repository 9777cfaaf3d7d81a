import { describe, expect, it } from 'vitest';
import { createAddressPolicy } from './address-policy.ts';
import { checkUrl } from './target.ts';

const strict = createAddressPolicy({ allow: [] });
const dev = createAddressPolicy({ allow: ['127.0.0.0/8', '::1/128'], ownPorts: [4800] });

describe('checkUrl', () => {
  it.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://017700000001/',
    'http://127.1/',
    'http://127.0.1/',
    'http://0/',
    'http://0.0.0.0/',
    'http://127.0.0.1./',
    'http://１２７.０.０.１/',
    'http://127。0。0。1/',
    'http://%31%32%37.0.0.1/',
    'http://①②⑦.0.0.1/',
    'http://[::1]/',
    'http://[0:0:0:0:0:0:0:1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://localhost/',
    'http://LOCALHOST./',
    'http://api.localhost:8080/',
    'https://10.0.0.1/',
    'http:\\\\127.0.0.1\\',
    '  http://127.0.0.1/  ',
    'http:127.0.0.1',
  ])('refuses the address in %s', (url) => {
    expect(checkUrl(url, strict)?.code).toBe('address_refused');
  });

  it.each([
    'file:///etc/passwd',
    'gopher://example.com/',
    'ftp://example.com/',
    'ws://example.com/',
    'data:text/plain,x',
    'javascript:1',
    'http://user@example.com/',
    'http://user:secret@example.com/',
    'http://:secret@example.com/',
    'http://example.com:0/',
    'http://example.com:65536/',
    'http://[fe80::1%25eth0]/',
    'http://1.2.3.4.5/',
    'http://256.1.1.1/',
    'http:///',
    'http://exa mple.com/',
    '/relative',
    'example.com',
    '',
  ])('refuses the URL %s', (url) => {
    const refusal = checkUrl(url, strict);
    expect(refusal?.code).toBe('url_refused');
    expect(refusal?.message).not.toContain('secret');
  });

  it.each([
    'http://example.com',
    'https://example.com:8443/a?b=c#d',
    'http://8.8.8.8/',
    'http://[2606:4700::1]:80/',
  ])('has nothing against %s', (url) => {
    expect(checkUrl(url, strict)).toBeUndefined();
  });

  it('lets dev reach loopback, but not its own port', () => {
    expect(checkUrl('http://localhost:3000/', dev)).toBeUndefined();
    expect(checkUrl('http://[::1]:3000/', dev)).toBeUndefined();
    expect(checkUrl('http://127.0.0.1:4800/v1/keys', dev)?.code).toBe('address_refused');
    expect(checkUrl('http://localhost:4800/v1/keys', dev)?.code).toBe('address_refused');
  });
});
