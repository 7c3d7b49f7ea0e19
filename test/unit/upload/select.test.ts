import { describe, expect, it } from 'vitest';
import { accepts, parseGlob, parseS3Address } from '../../../src/upload/select.ts';

describe('which files of a folder are taken', () => {
  it.each([
    'a.jpg',
    'A.JPEG',
    'deep/er/b.Png',
    'c.tiff',
    'd.bmp',
    'e.avif',
    'with space.webp',
    'IMG_1.HEIC',
    'f.dib',
  ])('takes %s by its ending', (name) => {
    expect(accepts([], [])(name)).toBe(true);
  });
  it.each(['README.md', 'expected.json', 'noending', 'jpg'])('skips %s', (name) => {
    expect(accepts([], [])(name)).toBe(false);
  });
  it('takes what --include names instead of the image endings', () => {
    const accept = accepts(['*.dat'], []);
    expect([accept('x/y.dat'), accept('a.jpg')]).toEqual([true, false]);
  });
  it('skips what --exclude names, by name or by path', () => {
    const accept = accepts([], ['thumb-*', 'old/**']);
    expect([accept('x/thumb-1.jpg'), accept('old/a.jpg'), accept('new/a.jpg')]).toEqual([false, false, true]);
  });
});

describe('an address or a pattern', () => {
  it.each([
    ['s3://bucket/a/b', { bucket: 'bucket', prefix: 'a/b' }],
    ['s3://bucket', { bucket: 'bucket', prefix: '' }],
    ['s3:/bucket', undefined],
    ['folder', undefined],
  ])('reads %s', (text, address) => {
    expect(parseS3Address(text)).toEqual(address);
  });
  it('splits a glob into the folder to walk and the pattern below it', () => {
    expect(parseGlob('photos/2024/*.jpg')).toEqual({ folder: 'photos/2024', pattern: '*.jpg', depth: 1 });
    expect(parseGlob('*.png')).toEqual({ folder: '.', pattern: '*.png', depth: 1 });
    expect(parseGlob('plain.png')).toBeUndefined();
  });
});
