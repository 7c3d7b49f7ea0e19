import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isError } from '../../../src/core/model/outcome.ts';
import { type Classifier, createClassifier } from '../../../src/model/classifier.ts';
import { LIMITS, SAMPLES_DIR, STARTER_DIR, starterManifest, temporaryFolder } from './support.ts';

async function starter(): Promise<Classifier> {
  const { sha256 } = await starterManifest();
  const made = await createClassifier({ dir: STARTER_DIR, sha256, ...LIMITS });
  onTestFinished(() => made.dispose());
  return made;
}
const sample = (name: string) => readFile(join(SAMPLES_DIR, name));

describe('classifier', () => {
  it('returns one result for each image, in order; a bad image does not affect the others', async () => {
    const model = await starter();
    const [cat, coffee, rocket] = await Promise.all(['cat.jpg', 'coffee.jpg', 'rocket.jpg'].map(sample));
    if (cat === undefined || coffee === undefined || rocket === undefined) throw new Error('no samples');
    const good = await model.classify([cat, coffee, rocket], 3);
    const mixed = await model.classify(
      [Buffer.from('no image'), cat, coffee.subarray(0, 2000), coffee, Buffer.alloc(0), rocket],
      3,
    );
    expect(mixed.map((result) => (isError(result) ? result.error.code : result.labels[0]?.label))).toEqual([
      'not_an_image',
      ...good.slice(0, 1).map((result) => (isError(result) ? '' : result.labels[0]?.label)),
      'truncated',
      ...good.slice(1, 2).map((result) => (isError(result) ? '' : result.labels[0]?.label)),
      'not_an_image',
      ...good.slice(2).map((result) => (isError(result) ? '' : result.labels[0]?.label)),
    ]);
    for (const result of good) {
      if (isError(result)) throw new Error(result.error.message);
      expect(result.labels).toHaveLength(3);
      expect(result.ms).toBeGreaterThan(0);
      const scores = result.labels.map(({ score }) => score);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(scores[0]).toBeLessThanOrEqual(1);
    }
  });

  it('returns the same for an image alone, in a batch, in a long list and in overlapping calls', async () => {
    const model = await starter();
    const [cat, rocket] = await Promise.all([sample('cat.jpg'), sample('rocket.jpg')]);
    const long = Array.from({ length: 19 }, (_, index) => (index % 2 === 0 ? cat : rocket));
    const [alone, first, second] = await Promise.all([
      model.classify([cat], 5),
      model.classify(long, 5),
      model.classify(long, 5),
    ]);
    const labels = [...alone, ...first, ...second].map((result) =>
      isError(result) ? result.error.code : result.labels[0]?.label,
    );
    expect(new Set(labels.slice(1).filter((_, index) => (index % 19) % 2 === 0))).toEqual(
      new Set([labels[0]]),
    );
    expect(labels.slice(1, 20)).toEqual(labels.slice(20));
    expect(new Set(labels)).toHaveProperty('size', 2);
  });

  it('handles calls without a good image, and without images', async () => {
    const model = await starter();
    expect(await model.classify([], 5)).toEqual([]);
    expect(await model.classify([Buffer.from('x')], 5)).toMatchObject([{ error: { code: 'not_an_image' } }]);
  });

  it('refuses weights without the pinned sha256', async () => {
    const options = { dir: STARTER_DIR, sha256: '0'.repeat(64), ...LIMITS };
    await expect(createClassifier(options)).rejects.toThrow(/sha256/);
  });

  it('reports the problem of a damaged folder', async () => {
    const dir = await temporaryFolder();
    const options = { dir, sha256: '0'.repeat(64), ...LIMITS };
    await expect(createClassifier(options)).rejects.toThrow(/model\.json/);
    await writeFile(join(dir, 'model.json'), '{"v":1}');
    await expect(createClassifier(options)).rejects.toThrow(/wrong format/);
  });
});
