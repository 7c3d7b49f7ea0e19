import { describe, expect, it } from 'vitest';
import { garbageText } from '../../../src/cli/jobs/gc.ts';

const deleted = {
  jobs: { count: 45, bytes: 2_000_000 },
  deadLetters: { count: 0, bytes: 0 },
  queues: { count: 1, bytes: 0 },
  images: { count: 120, bytes: 301_000_000 },
};

describe('the summary of imgcls gc', () => {
  it('counts what was deleted, and the bytes', () => {
    expect(garbageText(deleted, { dryRun: false })).toBe(
      'Deleted 45 jobs, 0 dead letters, 1 response queue and 120 images; freed 303 MB.',
    );
  });

  it('has no images on AWS', () => {
    expect(garbageText({ ...deleted, images: undefined }, { dryRun: false })).toBe(
      'Deleted 45 jobs, 0 dead letters and 1 response queue; freed 2 MB.',
    );
  });

  it('of a dry run names what would be deleted', () => {
    const jobs = { count: 45, bytes: 0 };
    expect(garbageText({ ...deleted, jobs }, { dryRun: true })).toBe(
      'Would delete 45 jobs, 0 dead letters, 1 response queue and 120 images; would free 301 MB, besides the results of the jobs.',
    );
  });
});
