import { describe, expect, it } from 'vitest';
import {
  accepts,
  acceptsListed,
  acceptsNamed,
  parseGlob,
  parseS3Address,
} from '../../../src/upload/select.ts';

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

describe('which files that are named are taken', () => {
  const takenOf = (names: string[], include: string[] = [], exclude: string[] = []) =>
    names.filter(acceptsNamed(names, include, exclude));
  it('are those with the name of an image, as of a shell glob', () => {
    expect(takenOf(['x/a.JPG', 'x/a.xmp', 'x/Thumbs.db'])).toEqual(['x/a.JPG']);
  });
  it('are all if none has the name of an image', () => {
    expect(takenOf(['scan', 'photo.dat'])).toEqual(['scan', 'photo.dat']);
  });
  it('are chosen by --include and --exclude, wherever they are', () => {
    const names = ['../x/a.jpg', '/y/b.jpg', './c.dat'];
    expect(takenOf(names, ['*.dat'])).toEqual(['./c.dat']);
    expect(takenOf(names, [], ['b.*'])).toEqual(['../x/a.jpg']);
    expect(takenOf(names, ['x/**'])).toEqual(['../x/a.jpg']);
  });
  it('are all of a list, unless --include or --exclude is given', () => {
    const taken = (include: string[], exclude: string[]) =>
      ['a.txt', 'b.jpg'].filter(acceptsListed(include, exclude));
    expect(taken([], [])).toEqual(['a.txt', 'b.jpg']);
    expect(taken(['*.txt'], [])).toEqual(['a.txt']);
    expect(taken([], ['*.txt'])).toEqual(['b.jpg']);
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
