// Files that people really have and that once got a wrong outcome, all made from one photograph. They are too many and too
// large for the repository; unit tests make small ones of the same kinds.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode, ImageResult, Prediction } from '../../../src/core/model/outcome.ts';
import { createClassifier } from '../../../src/model/classifier.ts';
import { LIMITS, SAMPLES_DIR, SHARED_DIR, STARTER_DIR, starterManifest } from './support.ts';

const folder = join(SHARED_DIR, 'images/odd');
const isHere = existsSync(folder);
if (!isHere)
  console.warn(`SKIPPED: tests of odd images need the shared test files; found none in ${folder}.`);

/** As the plain JPEG: the same label, and nearly its score. */
const same: Partial<Prediction> = {};
const labelled: Readonly<Record<string, Partial<Prediction>>> = {
  'avif/animated.avif': same,
  'gif/blank-first-frame.gif': same,
  'heic/plain.heic': same,
  'jpeg/cut-10bytes.jpg': { warning: 'damaged', decodedShare: 1 },
  'more/png-raw-profile-exif-orientation-6.png': same,
  'more/rgb-plus-saved-selection-extrasamples-0.tif': same,
  'more/tiff-orientation-0.tif': same,
  'more/tiff-private-tag-type-0.tif': same,
  'tiff/multipage-thumbnail-first.tif': same,
  'webp/blank-first-frame.webp': same,
};
const unreliable: Readonly<Record<string, Partial<Prediction>>> = {
  'more/20-bit-flips.jpg': { warning: 'damaged' },
  'png/all-transparent-colour-kept.png': { warning: 'uniform' },
};
const refused: Readonly<Record<string, readonly [ErrorCode, RegExp]>> = {
  'bmp/8-rle.bmp': ['unsupported_format', /^Compressed BMPs/],
  'bmp/os2-core.bmp': ['unsupported_format', /^OS\/2 BMPs/],
  'icc/lab-tiff.tif': ['unsupported_format', /^TIFFs in the colour space Lab/],
  'other/photo.ppm': ['unsupported_format', /^The file is PPM/],
  'png/apple-cgbi.png': ['unsupported_format', /CgBI/],
  // Its only picture in colour is a thumbnail, and it has no JPEG.
  'raw/dng-like.dng': ['unsupported_format', /^The file is camera raw without a preview/],
  'tiff/compress-zstd.tif': ['unsupported_format', /^TIFFs with ZSTD/],
  'tiff/tiled-planar-separate.tif': ['unsupported_format', /^TIFFs of tiles with separate planes/],
};
/** Grey: sure of the label, less than of the picture in colour. */
const MEASURED = 'tiff/float32-grey-0..1.tif';

describe.runIf(isHere)('an odd image', () => {
  const results = new Map<string, ImageResult>();
  let plain: Prediction;
  beforeAll(async () => {
    const { sha256 } = await starterManifest();
    const classifier = await createClassifier({ dir: STARTER_DIR, sha256, ...LIMITS });
    const names = [labelled, unreliable, refused].flatMap((files) => Object.keys(files)).concat(MEASURED);
    const files = [...names.map((name) => join(folder, name)), join(SAMPLES_DIR, 'coffee.jpg')];
    const images = await Promise.all(files.map((file) => readFile(file)));
    const found = await classifier.classify(images, 1);
    await classifier.dispose();
    plain = found.at(-1) as Prediction;
    for (const [index, name] of names.entries()) results.set(name, found[index] as ImageResult);
  });

  it.each(Object.entries(labelled))('%s is labelled as the plain photograph', (name, remarks) => {
    const { labels, category, ms: _ms, ...found } = results.get(name) as Prediction;
    expect(found).toEqual(remarks);
    expect(category?.name).toBe('drink');
    expect(labels[0]?.label).toBe('espresso');
    expect(Math.abs((labels[0]?.score ?? 0) - (plain.labels[0]?.score ?? 0))).toBeLessThan(0.05);
  });

  it.each(Object.entries(unreliable))('%s has a warning', (name, remarks) => {
    const { labels: _labels, category: _category, ms: _ms, ...found } = results.get(name) as Prediction;
    expect(found).toEqual(remarks);
  });

  it.each(Object.entries(refused))('%s is refused with its reason', (name, [code, message]) => {
    expect(results.get(name)).toEqual({ error: { code, message: expect.stringMatching(message) } });
  });

  it(`${MEASURED} is scaled to its range`, () => {
    const { labels, warning } = results.get(MEASURED) as Prediction;
    expect(warning).toBeUndefined();
    expect(labels[0]?.label).toBe('espresso');
    expect(labels[0]?.score).toBeGreaterThan(0.7);
  });
});
