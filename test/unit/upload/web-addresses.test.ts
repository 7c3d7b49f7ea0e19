import { describe, expect, it } from 'vitest';
import { faultOfAddress, isWebAddress } from '../../../src/core/network/web-address.ts';
import { closestAllowed } from '../../../src/upload/web/allowed-hosts.ts';
import { HostTurns } from '../../../src/upload/web/host-turns.ts';
import { virtualClock } from '../virtual-clock.ts';

const signal = new AbortController().signal;

describe('a web address', () => {
  it.each([
    ['https://example.org/a.jpg', undefined],
    ['HTTP://EXAMPLE.ORG', undefined],
    ['http://[::1]:8080/a.jpg?w=1#x', undefined],
    ['https://ada@example.org/a.jpg', 'has a user name or password'],
    ['https://:secret@example.org/a.jpg', 'has a user name or password'],
    ['https://', 'is not an address of http or https'],
    ['https://example.org:99999/', 'is not an address of http or https'],
    ['file:///etc/passwd', 'is not an address of http or https'],
  ])('%s: %s', (text, fault) => {
    expect(faultOfAddress(text)).toBe(fault);
  });

  it.each(['photos/a.jpg', 's3://bucket/a.jpg', 'https:/a.jpg', './http://a.jpg'])('is not %s', (text) => {
    expect(isWebAddress(text)).toBe(false);
  });
});

describe('a host', () => {
  it.each([
    ['https://example.org/a.jpg', undefined, 2],
    ['https://example.org/a.jpg', [], undefined],
    ['https://example.org/a.jpg', ['public'], 0],
    ['http://example.org:80/a.jpg', ['public'], 0],
    ['http://example.org:8080/a.jpg', ['public'], undefined],
    ['http://example.org:443/a.jpg', ['public'], undefined],
    ['http://nas.local/a.jpg', ['nas.local'], 2],
    ['http://NAS.local:80/a.jpg', ['nas.local:80'], 2],
    ['http://nas.local:8080/a.jpg', ['nas.local'], undefined],
    ['http://nas.local:8080/a.jpg', ['public', 'nas.local:8080'], 2],
    ['http://other.nas.local/a.jpg', ['nas.local'], undefined],
    ['http://[::1]:8080/a.jpg', ['[::1]:8080'], 2],
    // All of these are 127.0.0.1.
    ['http://0x7f.1/', ['127.0.0.1'], 2],
    ['http://2130706433/', ['127.0.0.1'], 2],
  ])('of %s may by %j be as close as %s', (address, allowed, closest) => {
    expect(closestAllowed(new URL(address), allowed)).toBe(closest);
  });

  it('is asked by four at a time', async () => {
    const turns = new HostTurns(virtualClock());
    const gate = Promise.withResolvers<void>();
    let asked = 0;
    const all = Array.from({ length: 9 }, () =>
      turns.run('a.test', signal, async () => {
        asked++;
        await gate.promise;
      }),
    );
    await turns.run('b.test', signal, async () => {});
    expect(asked).toBe(4);
    gate.resolve();
    await Promise.all(all);
    expect(asked).toBe(9);
  });

  it('is not asked before the end of a pause that it asked for, and other hosts are', async () => {
    const clock = virtualClock();
    const turns = new HostTurns(clock);
    const startMs = clock.monotonicMs();
    expect(turns.pause('a.test', 7000)).toBe(true);
    await turns.run('b.test', signal, async () => expect(clock.monotonicMs()).toBe(startMs));
    await turns.run('a.test', signal, async () => expect(clock.monotonicMs()).toBe(startMs + 7000));
  });

  it('gets no pause of more than a minute, and no more than five minutes in all', () => {
    const clock = virtualClock();
    const turns = new HostTurns(clock);
    expect(turns.pause('a.test', 61_000)).toBe(false);
    for (let minute = 0; minute < 5; minute++) {
      expect(turns.pause('a.test', 60_000)).toBe(true);
      // Other answers of the same moment ask for the same pause.
      expect(turns.pause('a.test', 60_000)).toBe(true);
      clock.advance(60_000);
    }
    expect(turns.pause('a.test', 60_000)).toBe(false);
    expect(turns.pause('b.test', 60_000)).toBe(true);
  });

  it('that was silent eight times in a row is not asked again', () => {
    const turns = new HostTurns(virtualClock());
    for (let times = 0; times < 7; times++) turns.noteSilence('a.test');
    turns.noteAnswer('a.test');
    for (let times = 0; times < 7; times++) turns.noteSilence('a.test');
    expect(turns.isSilent('a.test')).toBe(false);
    turns.noteSilence('a.test');
    expect(turns.isSilent('a.test')).toBe(true);
    expect(turns.isSilent('b.test')).toBe(false);
  });
});
