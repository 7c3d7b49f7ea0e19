import { describe, expect, it } from 'vitest';
import { closenessOf } from '../../../src/core/network/closeness.ts';

describe('an address', () => {
  it.each([
    '8.8.8.8',
    '93.184.215.14',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.0',
    '2606:4700:4700::1111',
    '::ffff:8.8.8.8',
    // NAT64: 8.8.8.8 for machines that have IPv6 alone.
    '64:ff9b::808:808',
  ])('%s is of the public internet', (address) => {
    expect(closenessOf(address)).toBe(0);
  });

  it.each([
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '100.127.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.7',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    'fc00::1',
    'fd12:3456::1',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    // Ways to another address: 6to4, Teredo, the old form of IPv4 in IPv6, NAT64 of one network.
    '2002:7f00:1::',
    '2001:0:4136:e378::1',
    '::7f00:1',
    '64:ff9b:1::7f00:1',
    '64:ff9b::a00:1',
    '::ffff:10.0.0.1',
    '::ffff:0:127.0.0.1',
  ])('%s is of a private network, or of none', (address) => {
    expect(closenessOf(address)).toBe(1);
  });

  it.each([
    '0.0.0.0',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.169.254',
    '168.63.129.16',
    '::',
    '::1',
    'fe80::1',
    'fe80::1%eth0',
    'fd00:ec2::254',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
  ])('%s is of this machine, or of its network for it alone', (address) => {
    expect(closenessOf(address)).toBe(2);
  });
});
