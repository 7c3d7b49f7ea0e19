import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ImageResult, isError } from '../../../src/core/model/outcome.ts';
import { createClassifier } from '../../../src/model/classifier.ts';
import {
  LIMITS,
  resnet50Folder,
  SAMPLES_DIR,
  SHARED_DIR,
  STARTER_DIR,
  sharedFiles,
  starterManifest,
} from './support.ts';

async function classifier(folder: { dir: string; sha256: string }) {
  const made = await createClassifier({ ...folder, ...LIMITS });
  onTestFinished(() => made.dispose());
  return made;
}

function bestOf(result: ImageResult | undefined): string | undefined {
  return result === undefined || isError(result) ? undefined : result.labels[0]?.wnid;
}

/** How many of 100 images, whose names begin with their class, the model labels right. */
async function rightOf100(folder: { dir: string; sha256: string }): Promise<number> {
  const evaluate = join(SHARED_DIR, 'images/evaluate');
  const names = (await readdir(evaluate)).filter((name) => name.endsWith('.JPEG'));
  expect(names).toHaveLength(100);
  const images = await Promise.all(names.map((name) => readFile(join(evaluate, name))));
  const results = await (await classifier(folder)).classify(images, 1);
  return names.filter((name, index) => bestOf(results[index]) === name.split('_')[0]).length;
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
    const results = await (await classifier({ dir: STARTER_DIR, sha256 })).classify(images, 5);
    for (const [index, name] of names.entries()) {
      expect(expected[name], name).toContain(bestOf(results[index]));
    }
  });
});

describe.skipIf(sharedFiles === 'missing')('ResNet-50 on 100 images', () => {
  it('fp32: at least 83 right', async () => {
    expect(await rightOf100(await resnet50Folder('fp32'))).toBeGreaterThanOrEqual(83);
  });

  it('int8: at least 82 right', async () => {
    expect(await rightOf100(await resnet50Folder('int8'))).toBeGreaterThanOrEqual(82);
  });
});
