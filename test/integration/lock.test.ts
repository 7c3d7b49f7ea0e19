import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { LockKeeper } from '../../src/scaler/lock.ts';
import { virtualClock } from '../unit/virtual-clock.ts';

const TTL_MS = 10_000;

describe('the controller lock', () => {
  let folder: string;
  let cloud: Cloud;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-lock-'));
    cloud = createLocalCloud({ dataDir: folder, cluster: 'test' });
  });
  afterEach(async () => {
    await cloud.close();
    await rm(folder, { recursive: true });
  });
  const clock = virtualClock();
  const keeper = (holder: string) => new LockKeeper({ store: cloud.output, holder, clock, ttlMs: TTL_MS });

  it('is held by one of two controllers', async () => {
    const [a, b] = [keeper('a'), keeper('b')];
    await Promise.all([a.keep(), b.keep()]);
    expect([a.epoch, b.epoch].filter((epoch) => epoch !== undefined)).toEqual([1]);
  });

  it('stays with a holder that renews, however long a challenger watches', async () => {
    const [a, b] = [keeper('a'), keeper('b')];
    await a.keep();
    for (let i = 0; i < 20; i++) {
      clock.advance(TTL_MS / 4);
      await a.keep();
      await b.keep();
    }
    expect([a.epoch, b.epoch]).toEqual([1, undefined]);
  });

  it('goes to a challenger with a new epoch after a whole time to live without a renewal', async () => {
    const [a, b] = [keeper('a'), keeper('b')];
    await a.keep();
    await b.keep();
    clock.advance(TTL_MS - 1);
    await b.keep();
    expect(b.epoch).toBeUndefined();
    clock.advance(1);
    await b.keep();
    expect(b.epoch).toBe(2);
    // The old holder wakes up, finds another holder's version, and stops acting.
    await a.keep();
    expect(a.epoch).toBeUndefined();
  });

  it('does not let its holder act later than half a time to live after the last renewal', async () => {
    const a = keeper('a');
    await a.keep();
    clock.advance(TTL_MS / 2);
    expect(a.epoch).toBeUndefined();
    await a.keep();
    expect(a.epoch).toBe(1);
  });

  it('is free at once when its holder releases it', async () => {
    const [a, b] = [keeper('a'), keeper('b')];
    await a.keep();
    await b.keep();
    await a.release();
    await b.keep();
    expect([a.epoch, b.epoch]).toEqual([undefined, 2]);
  });
});
