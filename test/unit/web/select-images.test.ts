import { describe, expect, it } from 'vitest';
import { IMAGE_ENDINGS } from '../../../src/core/model/image-endings.ts';
import { accepts } from '../../../src/upload/select.ts';
import { selectImages } from '../../../src/web/page/upload/select-images.ts';

const limits = { imageBytes: 1000, requestBytes: 10_000, files: 10 };
/** As browsers report a file whose type they do not know. */
const file = (name: string) => ({ name, file: new File(['x'], name, { type: '' }) });

describe('images chosen in the page', () => {
  it('have the same endings as those of a folder of the command line', () => {
    const names = [...IMAGE_ENDINGS.map((ending) => `IMG_1.${ending.toUpperCase()}`), 'notes.txt', 'heic'];
    const { images } = selectImages(names.map(file), limits);
    expect(images.map(({ name }) => name).sort()).toEqual(names.filter(accepts([], [])).sort());
    expect(images).toHaveLength(IMAGE_ENDINGS.length);
  });

  it('are skipped without a name in the page that changes the direction of text', () => {
    const { skipped } = selectImages([file('a\u202egpj.exe')], limits);
    expect(skipped).toEqual(['Skipped 1 hidden or non-image file (a\\u202egpj.exe).']);
  });
});
