import { beforeEach, describe, expect, it } from 'vitest';
import { Deadline } from '../../../src/worker/runners/deadline.ts';
import { SteppingClock } from './stepping-clock.ts';

describe('a deadline', () => {
  let clock: SteppingClock;
  let missedAtMs: number[];
  let deadline: Deadline;
  beforeEach(() => {
    clock = new SteppingClock();
    missedAtMs = [];
    deadline = new Deadline(clock, () => missedAtMs.push(clock.monotonicMs()));
  });

  it('is missed once', async () => {
    deadline.set(100);
    await clock.advance(1000);
    expect([missedAtMs, clock.sleeping]).toEqual([[100], 0]);
  });

  it('moves to a later time without another sleep', async () => {
    deadline.set(100);
    for (let step = 0; step < 10; step++) {
      await clock.advance(50);
      deadline.set(100);
      expect(clock.sleeping).toBe(1);
    }
    expect(missedAtMs).toEqual([]);
    await clock.advance(1000);
    expect(missedAtMs).toEqual([600]);
  });

  it('moves to an earlier time', async () => {
    deadline.set(100);
    deadline.set(30);
    await clock.advance(1000);
    expect([missedAtMs, clock.sleeping]).toEqual([[30], 0]);
  });

  it('is not missed once it is cleared, and can be set again', async () => {
    deadline.set(100);
    deadline.clear();
    await clock.advance(150);
    expect(missedAtMs).toEqual([]);
    deadline.set(100);
    await clock.advance(1000);
    expect(missedAtMs).toEqual([250]);
  });

  it('sleeps no longer once it is closed', async () => {
    deadline.set(100);
    deadline.close();
    expect(clock.sleeping).toBe(0);
    await clock.advance(1000);
    expect(missedAtMs).toEqual([]);
  });
});
