import { describe, expect, it } from 'vitest';
import { RateMeter } from '../../../src/worker/lifecycle/rate-meter.ts';
import { virtualClock } from '../virtual-clock.ts';

describe('the rate of a worker', () => {
  it('is the images per second and the share of busy time since the last reading', () => {
    const clock = virtualClock();
    const meter = new RateMeter(clock);
    clock.advance(6000);
    meter.setBusy(true);
    clock.advance(4000);
    meter.add(20);
    expect(meter.read()).toEqual({ imagesPerSecond: 2, busyShare: 0.4 });
    clock.advance(10_000);
    meter.add(50);
    expect(meter.read()).toEqual({ imagesPerSecond: 5, busyShare: 1 });
    meter.setBusy(false);
    clock.advance(10_000);
    expect(meter.read()).toEqual({ imagesPerSecond: 0, busyShare: 0 });
    expect(meter.images).toBe(70);
  });

  it('is the same again in a reading within a second', () => {
    const clock = virtualClock();
    const meter = new RateMeter(clock);
    clock.advance(2000);
    meter.add(10);
    expect(meter.read().imagesPerSecond).toBe(5);
    clock.advance(100);
    meter.add(1);
    expect(meter.read().imagesPerSecond).toBe(5);
  });
});
