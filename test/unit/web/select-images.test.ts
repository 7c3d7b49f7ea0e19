import { describe, expect, it } from 'vitest';
import { IMAGE_ENDINGS } from '../../../src/core/model/image-endings.ts';
import { accepts } from '../../../src/upload/select.ts';
import { selectImages } from '../../../src/web/page/upload/select-images.ts';

const limits = { imageBytes: 1000, requestBytes: 10_000, files: 10 };
/** As browsers report a file whose type they do not know. */
const file = (name: string) => ({ name, file: new File(['x'], name, { type: '' }) });

describe('images chosen in the page', () => {
  it('have the endings of a folder of the command line, or of camera raw', () => {
    const names = [...IMAGE_ENDINGS, 'dng'].map((ending) => `IMG_1.${ending.toUpperCase()}`);
    const { images } = selectImages([...names, 'notes.txt', 'heic'].map(file), limits);
    expect(images.map(({ name }) => name).sort()).toEqual(names.sort());
    expect(names.filter(accepts([], []))).toHaveLength(IMAGE_ENDINGS.length);
  });

  it('may have no ending but a type that can be decoded', () => {
    const photo = new File(['x'], '1000012', { type: 'image/jpeg' });
    const drawing = new File(['x'], 'logo.svg', { type: 'image/svg+xml' });
    const { images, skipped } = selectImages(
      [photo, drawing].map((each) => ({ name: each.name, file: each })),
      limits,
    );
    expect(images.map(({ name }) => name)).toEqual(['1000012']);
    expect(skipped).toEqual(['Skipped 1 file that is not an image (logo.svg).']);
  });

  it('are skipped with the reason and their names, the first few of many', () => {
    const names = ['.DS_Store', '@eaDir/a.jpg', ...Array.from({ length: 5 }, (_, at) => `notes-${at}.txt`)];
    expect(selectImages(names.map(file), limits).skipped).toEqual([
      'Skipped 2 hidden or system files (.DS_Store, @eaDir/a.jpg).',
      'Skipped 5 files that are not images (notes-0.txt, notes-1.txt, notes-2.txt and 2 more).',
    ]);
  });

  it('are skipped without a name in the page that changes the direction of text', () => {
    const { skipped } = selectImages([file('a\u202egpj.exe')], limits);
    expect(skipped).toEqual(['Skipped 1 file that is not an image (a\\u202egpj.exe).']);
  });
});
