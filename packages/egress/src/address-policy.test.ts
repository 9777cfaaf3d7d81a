import { describe, expect, it } from 'vitest';
import { createAddressPolicy } from './address-policy.ts';

const strict = createAddressPolicy({ allow: [] });

describe('an address policy that allows nothing special', () => {
  it.each([
    ['0.0.0.0', 'unspecified'],
    ['0.255.255.255', 'unspecified'],
    ['10.0.0.0', 'private'],
    ['10.255.255.255', 'private'],
    ['100.64.0.0', 'shared'],
    ['100.127.255.255', 'shared'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.8', 'protocol'],
    ['192.0.2.1', 'documentation'],
    ['192.88.99.1', '6to4'],
    ['192.168.1.1', 'private'],
    ['198.18.0.0', 'benchmarking'],
    ['198.19.255.255', 'benchmarking'],
    ['198.51.100.7', 'documentation'],
    ['203.0.113.7', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['::', 'unspecified'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'IPv4 in IPv6'],
    ['::ffff:8.8.8.8', 'IPv4 in IPv6'],
    ['::127.0.0.1', 'IPv4 in IPv6'],
    ['::8.8.8.8', 'IPv4 in IPv6'],
    ['::ffff:0:127.0.0.1', 'IPv4 in IPv6'],
    ['64:ff9b::7f00:1', 'IPv4 in IPv6'],
    ['64:ff9b::808:808', 'IPv4 in IPv6'],
    ['64:ff9b:1::a00:1', 'IPv4 in IPv6'],
    ['100::1', 'discard'],
    ['2001::1', 'protocol'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'protocol'],
    ['2001:2::1', 'protocol'],
    ['2001:db8::1', 'documentation'],
    ['3fff::1', 'documentation'],
    ['2002:7f00:1::', '6to4'],
    ['2002:808:808::1', '6to4'],
    ['5f00::1', 'segment routing'],
    ['fc00::1', 'private'],
    ['fdff:ffff::1', 'private'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['febf::1', 'link-local'],
    ['fec0::1', 'site-local'],
    ['ff02::1', 'multicast'],
    ['example.com', 'not an address'],
    ['', 'not an address'],
  ])('refuses %s (%s)', (address, kind) => {
    expect(strict.refusal(address, 443)).toContain(kind);
  });

  it.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2003::1',
    '2606:4700:4700::1111',
    'fbff::1',
  ])('lets the public address %s pass', (address) => {
    expect(strict.refusal(address, 443)).toBeUndefined();
  });
});

describe('an address policy with exceptions', () => {
  it('lets what is allowed pass, and nothing beside it', () => {
    const policy = createAddressPolicy({ allow: ['127.0.0.0/8', '::1/128', '10.1.0.0/16'] });
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '10.1.2.3']) {
      expect(policy.refusal(address, 80)).toBeUndefined();
    }
    for (const address of ['10.2.0.1', '::2', '::ffff:127.0.0.1', '192.168.0.1']) {
      expect(policy.refusal(address, 80)).toBeDefined();
    }
  });

  it.each([
    ['::ffff:0:0/96', '::ffff:127.0.0.1', '::ffff:8.8.8.8'],
    ['::/96', '::10.0.0.1', '::8.8.8.8'],
    ['64:ff9b::/96', '64:ff9b::169.254.169.254', '64:ff9b::8.8.8.8'],
    ['2002::/16', '2002:a00:1::1', '2002:808:808::1'],
    ['2001::/32', '2001:0:808:808::f5ff:fffe', '2001:0:808:808::f7f7:f7f7'],
    ['2001::/32', '2001:0:7f00:1::f7f7:f7f7', '2001:0:808:808::f7f7:f7f7'],
  ])('still judges the IPv4 address inside when %s is allowed', (cidr, refused, passed) => {
    const policy = createAddressPolicy({ allow: [cidr] });
    expect(policy.refusal(refused, 80)).toBeDefined();
    expect(policy.refusal(passed, 80)).toBeUndefined();
  });

  it('never allows its own ports on this machine', () => {
    const policy = createAddressPolicy({ allow: ['0.0.0.0/0', '::/0'], ownPorts: [4800] });
    for (const address of ['127.0.0.1', '127.1.2.3', '0.0.0.0', '::1', '::', '::ffff:127.0.0.1']) {
      expect(policy.refusal(address, 4800)).toContain('own port');
      expect(policy.refusal(address, 4801)).toBeUndefined();
    }
    expect(policy.refusal('10.0.0.1', 4800)).toBeUndefined();
  });

  it.each(['127.0.0.1', '127.0.0.0/33', '::1/129', 'localhost/8', '10.0.0.0/', '10.0.0.0/8 ', ''])(
    'refuses the setting %j',
    (cidr) => {
      const make = () => createAddressPolicy({ allow: [cidr] });
      expect(make).toThrowError(expect.objectContaining({ code: 'invalid_cidr' }));
    },
  );
});
