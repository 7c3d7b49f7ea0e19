import { describe, expect, it } from 'vitest';
import { changedQuery, viewOf } from '../../../src/web/page/address.ts';

describe('an address', () => {
  it.each([
    ['', { name: 'upload' }],
    ['find', { name: 'find' }],
    ['jobs/', { name: 'jobs' }],
    ['jobs/01ABC', { name: 'job', id: '01ABC' }],
    ['fleet', { name: 'fleet' }],
    ['jobs/01ABC/more', { name: 'notFound' }],
    ['fleet/more', { name: 'notFound' }],
    ['docs', { name: 'notFound' }],
  ])('of %j is a view', (path, view) => {
    expect(viewOf(path)).toEqual(view);
  });

  it('keeps what a change of its query does not name', () => {
    const query = new URLSearchParams('q=big cat&photo=3');
    expect(changedQuery(query, { photo: '4', sort: 'score' })).toBe('?q=big+cat&photo=4&sort=score');
    expect(changedQuery(query, { photo: undefined, q: '' })).toBe('');
  });
});
