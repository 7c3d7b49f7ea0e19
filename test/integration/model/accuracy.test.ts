import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ImageResult, isError } from '../../../src/core/model/outcome.ts';
import { createClassifier } from '../../../src/model/classifier.ts';
import { LIMITS, SAMPLES_DIR, STARTER_DIR, starterManifest } from './support.ts';

function bestOf(result: ImageResult | undefined): string | undefined {
  return result === undefined || isError(result) ? undefined : result.labels[0]?.wnid;
}

describe('starter model', () => {
  it('labels the samples right', async () => {
    const expected = JSON.parse(await readFile(join(SAMPLES_DIR, 'expected.json'), 'utf8')) as Record<
      string,
      string[]
    >;
    const names = Object.keys(expected);
    expect(names.length).toBeGreaterThan(0);
    const images = await Promise.all(names.map((name) => readFile(join(SAMPLES_DIR, name))));
    const { sha256 } = await starterManifest();
    const classifier = await createClassifier({ dir: STARTER_DIR, sha256, ...LIMITS });
    onTestFinished(() => classifier.dispose());
    const results = await classifier.classify(images, 5);
    for (const [index, name] of names.entries()) {
      expect(expected[name], name).toContain(bestOf(results[index]));
    }
  });
});
