import { describe, expect, it } from 'vitest';
import { errorCode } from '../../../src/core/model/outcome.ts';
import type { JobView } from '../../../src/web/api.ts';
import { changedQuery } from '../../../src/web/page/address.ts';
import { canRetryHelp, errorAdvice } from '../../../src/web/page/job/error-text.ts';
import { DEFAULT_VIEW, queryOf, viewOptionsOf } from '../../../src/web/page/job/filter/view-options.ts';
import { gridMeasure, positionAfterKey } from '../../../src/web/page/job/grid/grid-rows.ts';
import { factsOf, jobTitle, stateText } from '../../../src/web/page/job/job-text.ts';
import { moveBy, WHOLE, zoomAt } from '../../../src/web/page/job/photo/zoom.ts';

const job: JobView = {
  id: '01M8NW9P7W353DDQK1X2DYFTSS',
  state: 'sealed',
  createdAtMs: 0,
  attempt: 1,
  total: 60,
  done: 16,
  errors: 0,
};

describe('the options of a view', () => {
  it('are in the address, and come back from it', () => {
    const options = {
      text: 'sea lion',
      state: 'check',
      sorting: 'score',
      grouping: 'category',
      stack: 'sea creature',
      minScore: 0.5,
    } as const;
    const address = changedQuery(new URLSearchParams(), queryOf(options));
    expect(address).toBe('?q=sea+lion&show=check&sort=score&group=category&in=sea+creature&min=50');
    expect(viewOptionsOf(new URLSearchParams(address))).toEqual(options);
  });

  it('are left out if they are the default, and ignored if they are unknown', () => {
    expect(changedQuery(new URLSearchParams('show=errors&photo=3'), queryOf(DEFAULT_VIEW))).toBe('?photo=3');
    const odd = 'show=nothing&sort=&group=size&min=900';
    expect(viewOptionsOf(new URLSearchParams(odd))).toEqual(DEFAULT_VIEW);
  });
});

describe('a job is called', () => {
  it.each([
    ['Holiday 2026', { inputs: ['/home/me/Holiday 2026/'] }],
    ['photos and 2 more', { inputs: ['photos', 'b.jpg', 'c.jpg'], inputCount: 3 }],
    ['Trip', { firstImages: [{ index: 0, name: 'Trip/day 1/a.jpg' }] }],
    ['a.jpg and 59 more', { firstImages: [{ index: 0, name: 'a.jpg' }] }],
    ['Dropped photos', { id: 'drop-2026-11-26' }],
    ['Photos', {}],
    ['example.org', { inputs: ['https://example.org/2026/a.jpg'] }],
    ['example.org and 3 more', { inputs: ['https://example.org/a.jpg'], inputCount: 4 }],
    [
      'example.org and 3 more',
      { inputs: ['-'], firstImages: [{ index: 0, name: 'https://example.org/a' }], total: 4 },
    ],
  ])('%s', (title, more) => {
    expect(jobTitle({ ...job, ...more })).toBe(title);
  });
});

describe('the state of a job', () => {
  it.each([
    ['Reading photos', { state: 'open' }],
    ['Interrupted', { state: 'open', interrupted: true }],
    ['Waiting for a worker', { done: 0 }],
    ['Labelling', {}],
    ['Retrying', { attempt: 2 }],
    ['Finished', { state: 'finished' }],
  ] as const)('%s', (text, more) => {
    expect(stateText({ ...job, ...more })).toBe(text);
  });
});

describe('a failed image', () => {
  const folder = { ...job, inputs: ['/home/me/Holiday'] };
  it.each([
    ['deadline', job, 'A retry may help.'],
    ['truncated', folder, 'Restore the file from the camera or a backup, then retry.'],
    ['truncated', job, 'Restore the file from the camera or a backup, then label it again.'],
    ['unsupported_format', folder, 'Convert it to JPEG, then label it again.'],
  ] as const)('%s, has advice', (code, of, advice) => {
    expect(errorAdvice({ name: 'a.jpg', error: { code, message: '' } }, of)).toBe(advice);
  });

  it.each([
    ['missing', folder, 'retry'],
    ['truncated', folder, 'retry'],
    ['missing', job, 'label it again'],
  ] as const)('of the web, %s, has an address to look at', (code, of, then) => {
    expect(errorAdvice({ name: 'https://example.org/a', error: { code, message: '' } }, of)).toBe(
      `Open the address in a browser to see what it gives, then ${then}.`,
    );
  });

  it('can be retried if its machine failed, or if its file is read again', () => {
    const helped = (of: JobView) => errorCode.options.filter((code) => canRetryHelp(code, of));
    expect(helped(job)).toEqual(['model_unavailable', 'worker_crash', 'deadline']);
    expect(helped(folder)).toEqual(errorCode.options.filter((code) => code !== 'unsupported_format'));
  });
});

describe('the time that is left', () => {
  it('is not said before a few batches are done', () => {
    expect(factsOf({ ...job, leftMs: 360_000 })).toEqual([]);
    expect(factsOf({ ...job, done: 48, leftMs: 3000 })).toEqual(['3 s left']);
  });
});

describe('the grid', () => {
  it('has two columns on a phone and six on a desktop', () => {
    expect([358, 720, 1192].map((widthPx) => gridMeasure(widthPx).columns)).toEqual([2, 3, 6]);
  });

  it('moves by keys, and stays within its tiles', () => {
    const moved = (key: string, position: number) => positionAfterKey(key, position, 3, 8);
    expect(moved('ArrowRight', 7)).toBe(7);
    expect(moved('ArrowDown', 1)).toBe(4);
    expect(moved('ArrowDown', 5)).toBe(7);
    expect(moved('ArrowUp', 1)).toBe(1);
    expect(moved('PageDown', 0)).toBe(6);
    expect(moved('End', 0)).toBe(7);
    expect(moved('a', 0)).toBeUndefined();
  });
});

describe('a picture', () => {
  const stage = { width: 800, height: 600 };

  it('keeps the point that it is zoomed at', () => {
    const zoomed = zoomAt(WHOLE, 2, { x: 100, y: -50 }, stage);
    expect(zoomed).toEqual({ scale: 2, x: -100, y: 50 });
    const whole = zoomAt(zoomed, 0.1, { x: 0, y: 0 }, stage);
    expect([whole.scale, Math.abs(whole.x), Math.abs(whole.y)]).toEqual([1, 0, 0]);
    expect(zoomAt(WHOLE, 100, { x: 0, y: 0 }, stage).scale).toBe(8);
  });

  it('moves no further than its edges', () => {
    const zoomed = zoomAt(WHOLE, 2, { x: 0, y: 0 }, stage);
    expect(moveBy(zoomed, { x: 1000, y: -10 }, stage)).toEqual({ scale: 2, x: 400, y: -10 });
  });
});
