import { describe, expect, it } from 'vitest';
import type { LoggedArrival } from '../../../../src/scaler/forecast/arrivals.ts';
import { nextExpectation } from '../../../../src/scaler/forecast/expectation.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A Monday, at midnight UTC. */
const MONDAY = Date.UTC(2026, 5, 1);
const BOOT = { bootMs: 70 * SECOND, billingMinimumMs: MINUTE };

const at = (...times: readonly number[]): LoggedArrival[] =>
  times.map((atMs) => ({ atMs: MONDAY + atMs, workMs: 10_000 }));
const every = (pauseMs: number, count: number): number[] =>
  Array.from({ length: count }, (_, n) => n * pauseMs);
const expected = (arrivals: readonly LoggedArrival[], nowMs: number, boot = BOOT) =>
  nextExpectation(arrivals, MONDAY + nowMs, boot);

/** When work is expected, from Monday midnight on. */
const expectedAt = (arrivals: readonly LoggedArrival[], nowMs: number) => {
  const found = expected(arrivals, nowMs);
  return found && found.atMs - MONDAY;
};

describe('work is expected', () => {
  it.each([
    ['every 37 min', every(37 * MINUTE, 4), 4 * 37 * MINUTE],
    ['every hour', every(HOUR, 3), 3 * HOUR],
    ['at the same time of a working day', every(DAY, 3), 3 * DAY],
    ['at the same time of the week', every(7 * DAY, 3), 21 * DAY],
  ])('%s', (_, times, next) => {
    expect(expectedAt(at(...times), next - 10 * MINUTE)).toBe(next);
  });

  it('a boot before it comes, and not for longer than it was ever late', () => {
    const times = [0, HOUR + 5000, 2 * HOUR + 2000, 3 * HOUR];
    const found = expected(at(...times), 3 * HOUR + MINUTE);
    expect(found?.launchAtMs).toBe((found?.atMs ?? 0) - BOOT.bootMs);
    expect(found?.atMs).toBeGreaterThanOrEqual(MONDAY + 4 * HOUR);
    expect(found?.untilMs).toBeGreaterThan(MONDAY + 4 * HOUR + 5000);
    expect(found?.untilMs).toBeLessThan(MONDAY + 4 * HOUR + 30 * SECOND);
  });

  it('with as much work as there usually is, and says what speaks for it', () => {
    const arrivals = at(...every(HOUR, 5)).map((arrival, n) => ({ ...arrival, workMs: 1000 * (n + 1) }));
    expect(expected(arrivals, 4 * HOUR + MINUTE)).toMatchObject({
      workMs: 3000,
      rhythm: 'every hour, 5 of the last 5 times',
    });
  });

  it('once more after it was missing once, and no more after it was missing twice', () => {
    const arrivals = at(...every(HOUR, 6));
    expect(expectedAt(arrivals, 6 * HOUR + 10 * MINUTE)).toBe(7 * HOUR);
    expect(expectedAt(arrivals, 7 * HOUR + 10 * MINUTE)).toBeUndefined();
  });

  it('at two times of a day', () => {
    const days = [0, 1, 2].flatMap((day) => [day * DAY + 7 * HOUR, day * DAY + 19.5 * HOUR]);
    expect(expectedAt(at(...days), 3 * DAY)).toBe(3 * DAY + 7 * HOUR);
    expect(expectedAt(at(...days, 3 * DAY + 7 * HOUR), 3 * DAY + 8 * HOUR)).toBe(3 * DAY + 19.5 * HOUR);
  });
});

describe('work is not expected', () => {
  const workingDays = [0, 1, 2, 3, 4].map((day) => day * DAY + 9 * HOUR);

  it('on the first weekend after work of working days, but on Monday', () => {
    expect(expectedAt(at(...workingDays), 5 * DAY + 8 * HOUR)).toBeUndefined();
    expect(expectedAt(at(...workingDays), 7 * DAY + 8 * HOUR)).toBe(7 * DAY + 9 * HOUR);
  });

  it('in the evening after hourly work of office hours, once a day has shown its end', () => {
    const hours = (day: number) => every(HOUR, 10).map((ms) => day * DAY + 8 * HOUR + ms);
    const arrivals = at(...hours(0), ...hours(1), ...hours(2));
    expect(expectedAt(arrivals, 2 * DAY + 17.5 * HOUR)).toBe(3 * DAY + 8 * HOUR);
  });

  it('after one or two arrivals that may be chance', () => {
    expect(expectedAt(at(0), HOUR - MINUTE)).toBeUndefined();
    expect(expectedAt(at(0, 37 * MINUTE), 73 * MINUTE)).toBeUndefined();
  });

  it('soon after other work, when machines are on standby anyway', () => {
    expect(expectedAt(at(...every(3 * MINUTE, 20)), 58 * MINUTE)).toBeUndefined();
  });

  it('if waiting for it costs more than it saves', () => {
    const irregular = [0, HOUR + 20_000, 2 * HOUR - 20_000, 3 * HOUR + 25_000, 4 * HOUR - 25_000];
    const arrivals = at(...irregular, 5 * HOUR);
    expect(expected(arrivals, 5 * HOUR + MINUTE)).toBeDefined();
    expect(expected(arrivals, 5 * HOUR + MINUTE, { bootMs: 5000, billingMinimumMs: MINUTE })).toBeUndefined();
  });
});
