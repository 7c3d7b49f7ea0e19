import { describe, expect, it } from 'vitest';
import { CONTROLLER_TIMING, lockLateAfterMs } from '../../../src/core/fleet/controller-timing.ts';
import { type LockObservation, lockState } from '../../../src/core/fleet/lock-state.ts';

const NOW = 1_000_000;
const { local, aws } = CONTROLLER_TIMING;

const lock = (changes: Partial<LockObservation> = {}): LockObservation => ({
  holder: 'a',
  epoch: 1,
  renewedAtMs: NOW,
  unchangedForMs: 0,
  ...changes,
});
const stateOf = (observed: LockObservation | undefined, cloud: 'local' | 'aws' = 'local') =>
  lockState(observed, { nowMs: NOW, cloud });

describe('the state of the controller lock', () => {
  it('is free without a lock and without a holder', () => {
    expect(stateOf(undefined)).toBe('free');
    expect(stateOf(lock({ holder: undefined, unchangedForMs: 1e9 }))).toBe('free');
  });

  it('is held until the renewal is late by the wall clock', () => {
    const lateMs = lockLateAfterMs(local);
    expect(stateOf(lock({ renewedAtMs: NOW - lateMs }))).toBe('held');
    expect(stateOf(lock({ renewedAtMs: NOW - lateMs - 1 }))).toBe('late');
    expect(stateOf(lock({ renewedAtMs: NOW - lateMs - 1 }), 'aws')).toBe('held');
  });

  it('is expired after a whole time to live without a change, whatever the wall clock says', () => {
    expect(stateOf(lock({ unchangedForMs: local.lockTtlMs - 1 }))).toBe('held');
    expect(stateOf(lock({ unchangedForMs: local.lockTtlMs }))).toBe('expired');
    expect(stateOf(lock({ unchangedForMs: local.lockTtlMs }), 'aws')).toBe('held');
  });

  it('is expired as soon as the process of its holder has ended', () => {
    expect(stateOf(lock({ hasHolderEnded: true }))).toBe('expired');
    expect(stateOf(lock({ hasHolderEnded: true, holder: undefined }))).toBe('free');
  });

  it("goes by the holder's time to live where that is longer", () => {
    const { lockTtlMs: ttlMs } = aws;
    expect(stateOf(lock({ ttlMs, renewedAtMs: NOW - lockLateAfterMs(aws) }))).toBe('held');
    expect(stateOf(lock({ ttlMs, unchangedForMs: ttlMs - 1 }))).toBe('held');
    expect(stateOf(lock({ ttlMs: 1, unchangedForMs: 1 }))).toBe('held');
  });
});
