import { beforeEach, describe, expect, it } from 'vitest';
import type { WorkerStatus } from '../../../src/core/fleet/fleet.ts';
import type { JobRecord } from '../../../src/core/job/job.ts';
import { WorkMeter } from '../../../src/scaler/work-meter.ts';

const ASSUMED_MS = 25;
const THOUSAND: JobRecord = {
  v: 1,
  id: '01M8N32JCDS4PYBRZZ0EMX6ZH8',
  state: 'sealed',
  createdAtMs: 0,
  inputs: [],
  include: [],
  exclude: [],
  topK: 5,
  model: { name: 'm', version: '1', variant: 'int8', sha256: 'a'.repeat(64) },
  total: 1000,
  attempt: 1,
  retried: [],
};
const { total: _total, ...unsealed } = THOUSAND;
const OPEN: JobRecord = { ...unsealed, state: 'open' };
const OTHER: JobRecord = { ...THOUSAND, id: '01M8N320FQQ85P8CDKP76XZMXA' };
const TINY = '01M8N31EJEPM9Z7MKGA7KEVJ9V';

/** A worker that was busy all the time until now. */
const worker = (updatedAtMs: number, imagesByJob: Record<string, number>, over: Partial<WorkerStatus> = {}) =>
  ({ id: 'w', startedAtMs: 0, updatedAtMs, busyShare: 1, imagesByJob, ...over }) as WorkerStatus;

let meter = new WorkMeter();
beforeEach(() => {
  meter = new WorkMeter();
});
const look = (statuses: readonly WorkerStatus[], records: readonly JobRecord[]) =>
  meter.observe(statuses, records, ASSUMED_MS);
const doneOf = (record: JobRecord) => meter.jobs([record])[0]?.doneImages;

describe('the images that a job has left', () => {
  it('are its total without those that workers reported', () => {
    look([worker(0, {})], [THOUSAND]);
    look([worker(15_000, { [THOUSAND.id]: 400 })], [THOUSAND]);
    expect(meter.jobs([THOUSAND])).toEqual([{ id: THOUSAND.id, totalImages: 1000, doneImages: 400 }]);
  });
  it('do not count the images of a worker again when it reports again or has ended', () => {
    look([worker(0, { [THOUSAND.id]: 300 })], [THOUSAND]);
    look([worker(15_000, { [THOUSAND.id]: 300 })], [THOUSAND]);
    look([], [THOUSAND]);
    expect(doneOf(THOUSAND)).toBe(300);
  });
  it('are those of the present attempt only', () => {
    look([worker(0, { [THOUSAND.id]: 1000 })], [THOUSAND]);
    const again: JobRecord = { ...THOUSAND, attempt: 2, retried: [40] };
    look([worker(15_000, { [THOUSAND.id]: 1010 })], [again]);
    expect(meter.jobs([again])).toEqual([{ id: THOUSAND.id, totalImages: 40, doneImages: 10 }]);
  });
});

describe('work has arrived', () => {
  it('when a job is new, once, and with its images once they are known', () => {
    expect(look([], [OPEN])).toEqual({ jobs: 1, ids: [OPEN.id], workMs: 0 });
    expect(look([], [OPEN])).toEqual({ jobs: 0, ids: [], workMs: 0 });
    expect(look([], [THOUSAND])).toEqual({ jobs: 0, ids: [], workMs: 25_000 });
    expect(look([], [THOUSAND])).toEqual({ jobs: 0, ids: [], workMs: 0 });
  });
  it('when a job is retried', () => {
    look([], [THOUSAND]);
    expect(look([], [{ ...THOUSAND, attempt: 2, retried: [40] }])).toEqual({
      jobs: 1,
      ids: [THOUSAND.id],
      workMs: 1000,
    });
  });
  it('when a worker reports a job that came and went between two looks', () => {
    look([worker(0, {})], []);
    const later = worker(15_000, { [TINY]: 4 }, { busyShare: 0.1 });
    expect(look([later], [])).toEqual({ jobs: 1, ids: [TINY], workMs: 100 });
    expect(look([worker(30_000, { [TINY]: 4 })], [])).toEqual({ jobs: 0, ids: [], workMs: 0 });
  });
  it('when dropped or interactive images were done', () => {
    const drop = 'drop-2026-11-30';
    look([worker(0, { [drop]: 10 })], []);
    expect(look([worker(15_000, { [drop]: 12 })], []).jobs).toBe(1);
    expect(look([worker(30_000, { [drop]: 13 })], []).jobs).toBe(1);
    expect(look([worker(45_000, { [drop]: 13 }, { interactiveDone: 1 })], []).jobs).toBe(1);
  });
  it('not when a worker that was there before the first look is read late, but its images are done', () => {
    look([], [THOUSAND]);
    const late = worker(15_000, { [THOUSAND.id]: 400, [TINY]: 4 }, { interactiveDone: 3 });
    expect(meter.observe([late], [THOUSAND], ASSUMED_MS, new Set(['w'])).jobs).toBe(0);
    expect(doneOf(THOUSAND)).toBe(400);
    const next = worker(30_000, { [THOUSAND.id]: 500, [TINY]: 4 }, { interactiveDone: 4 });
    expect(look([next], [THOUSAND]).jobs).toBe(1);
    expect(doneOf(THOUSAND)).toBe(500);
  });
  it('neither with the last report of a job that is over, nor with what was done before the first look', () => {
    look([worker(0, { [TINY]: 4 })], [THOUSAND]);
    expect(look([worker(15_000, { [TINY]: 4, [THOUSAND.id]: 1000 })], []).jobs).toBe(0);
  });
});

describe('what an image costs', () => {
  const costOf = ({ id }: JobRecord) => meter.costs.msPerImage(id, ASSUMED_MS);

  it('is assumed until workers have reported images of the job', () => {
    look([], [THOUSAND]);
    expect(costOf(THOUSAND)).toBe(ASSUMED_MS);
  });
  it('is soon what it takes', () => {
    look([worker(0, {})], [THOUSAND]);
    look([worker(100_000, { [THOUSAND.id]: 100 })], [THOUSAND]);
    expect(costOf(THOUSAND)).toBeCloseTo((8 * 25 + 100_000) / 108, 6);
  });
  it('counts the time of images that take longer than a report', () => {
    look([worker(0, {})], [THOUSAND]);
    look([worker(15_000, {})], [THOUSAND]);
    look([worker(30_000, { [THOUSAND.id]: 12 })], [THOUSAND]);
    expect(costOf(THOUSAND)).toBeCloseTo((8 * 25 + 30_000) / 20, 6);
  });
  it('is not learned from a worker that is idle most of the time', () => {
    look([worker(0, {})], [THOUSAND]);
    look([worker(100_000, { [THOUSAND.id]: 100 }, { busyShare: 0.4 })], [THOUSAND]);
    expect(costOf(THOUSAND)).toBe(ASSUMED_MS);
  });
  it('is divided between the jobs of one report as they are known to differ', () => {
    meter.costs.remember({ [THOUSAND.model.sha256]: 100 });
    const cheap: JobRecord = { ...OTHER, model: { ...OTHER.model, sha256: 'b'.repeat(64) } };
    const both = [THOUSAND, cheap];
    look([worker(0, {})], both);
    look([worker(25_000, { [THOUSAND.id]: 200, [cheap.id]: 200 })], both);
    expect(costOf(THOUSAND)).toBeCloseTo(100, 6);
    expect(costOf(cheap)).toBeCloseTo(25, 6);
  });
  const jobsOf = (letters: string): JobRecord[] =>
    [...letters].map((letter) => ({ ...THOUSAND, id: THOUSAND.id.slice(0, -1) + letter }));
  /** Each image takes 100 ms. */
  const doThousandEach = (jobs: readonly JobRecord[]) => {
    look([worker(0, {})], jobs);
    const done = Object.fromEntries(jobs.map(({ id }) => [id, 1000]));
    look([worker(100_000 * jobs.length, done)], jobs);
    look([], [{ ...THOUSAND, id: TINY }]);
  };
  it('is for a new job that of the last jobs with its model', () => {
    doThousandEach(jobsOf('ABCD'));
    expect(meter.costs.msPerImage(TINY, ASSUMED_MS)).toBeCloseTo(100, 6);
    look([], [{ ...OTHER, model: { ...OTHER.model, sha256: 'b'.repeat(64) } }]);
    expect(costOf(OTHER)).toBe(ASSUMED_MS);
  });
  it('is for a new job not that of the only one before it, which may be a costly one', () => {
    doThousandEach(jobsOf('A'));
    expect(meter.costs.msPerImage(TINY, ASSUMED_MS)).toBe(ASSUMED_MS);
  });
  it('is remembered by model over controllers', () => {
    meter.costs.remember({ [THOUSAND.model.sha256]: 500 });
    look([], [THOUSAND]);
    expect(costOf(THOUSAND)).toBe(500);
    expect(meter.costs.usualMsByModel).toEqual({ [THOUSAND.model.sha256]: 500 });
  });
});
