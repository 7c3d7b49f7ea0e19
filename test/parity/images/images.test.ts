// Labels of models in the Hub's layout, compared with those of Pillow and of transformers.js.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isError } from '../../../src/core/model/outcome.ts';
import { createClassifier } from '../../../src/model/classifier.ts';
import { jpegHeader } from '../../../src/model/decode/jpeg.ts';
import { importModel } from '../../../src/model/import.ts';
import { createModelLibrary } from '../../../src/model/library.ts';
import {
  BUNDLED_DIR,
  LIMITS,
  SAMPLES_DIR,
  SHARED_DIR,
  sharedFiles,
} from '../../integration/model/support.ts';
import { askOthers, type Others } from './others.ts';

const MODELS = [
  ...[
    'resnet',
    'convnext',
    'vit',
    'vit-lanczos',
    'swin',
    'deit',
    'beit',
    'efficientnet',
    'efficientnet-offset',
  ],
  ...['mobilenet_v1', 'mobilenet_v2-nhwc', 'mobilevit', 'siglip-many', 'vit-data'],
];
/** transformers.js knows no rescale_offset, and feeds planes to every model. */
const PILLOW_ONLY = ['efficientnet-offset', 'mobilenet_v2-nhwc'];
const REAL = 'resnet-50';
const TOLERANCE = 1e-3;

const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-parity-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One photograph of so many is compared. All of them have the same labels and scores, but that takes two minutes. */
const EVERY = 4;
const evaluated =
  sharedFiles === 'here' ? await filesOf(path.join(SHARED_DIR, 'images/evaluate'), /\.JPEG$/) : [];
const photographs = [
  ...(await filesOf(SAMPLES_DIR, /\.(jpg|png)$/)),
  ...evaluated.filter((_, index) => index % EVERY === 0),
];
const real = {
  weights: path.join(SHARED_DIR, 'models/resnet50-fp32/model.onnx'),
  classes: path.join(SHARED_DIR, 'models/imagenet-classes.json'),
};

const others = await askOthers(folder, photographs, sharedFiles === 'here' ? real : undefined);

async function filesOf(dir: string, names: RegExp): Promise<string[]> {
  const found = (await readdir(dir)).filter((name) => names.test(name)).sort();
  return found.map((name) => path.join(dir, name));
}

/** The scores of each class of the pictures that others have classified with a model. */
async function scoresOf(model: string, { models, byPillow }: Others): Promise<Map<string, number[]>> {
  const library = createModelLibrary({ modelsDir: path.join(folder, 'library'), bundledDir: BUNDLED_DIR });
  const { dir, manifest } = await importModel(path.join(models, model), { library });
  const classifier = await createClassifier({ dir, sha256: manifest.sha256, ...LIMITS });
  const { labels: classes } = await library.find(manifest.name).then(([found]) => found ?? { labels: [] });
  const pictures = Object.keys(byPillow[model] ?? {});
  const results = await classifier.classify(
    await Promise.all(pictures.map((picture) => readFile(picture))),
    classes.length,
  );
  await classifier.dispose();
  return new Map(
    results.map((result, index) => {
      if (isError(result)) throw new Error(result.error.message);
      const byId = new Map(result.labels.map(({ wnid, score }) => [wnid, score]));
      return [pictures[index] ?? '', classes.map(({ wnid }) => byId.get(wnid) ?? Number.NaN)];
    }),
  );
}

const largestDifference = (ours: readonly number[], theirs: readonly number[]): number =>
  Math.max(...theirs.map((score, index) => Math.abs(score - (ours[index] ?? Number.NaN))));

const bestOf = (scores: readonly number[]): number => scores.indexOf(Math.max(...scores));

/** imgcls converts such colours to sRGB; the others take their numbers as they are. */
const hasProfile = async (picture: string): Promise<boolean> =>
  jpegHeader(await readFile(picture)).profile.length > 0;

describe.skipIf(others === undefined)('a model in the layout of the Hub', () => {
  it.each(MODELS)('has the scores that Pillow and transformers.js give it: %s', async (model) => {
    const { byPillow, byTransformers } = others as Others;
    const ours = await scoresOf(model, others as Others);
    const pictures = Object.entries(byPillow[model] ?? {});
    expect(pictures).toHaveLength(Math.min(9, photographs.length + 1));
    for (const [picture, theirs] of pictures) {
      if (await hasProfile(picture)) continue;
      expect(bestOf(ours.get(picture) ?? []), picture).toBe(bestOf(theirs));
      expect(largestDifference(ours.get(picture) ?? [], theirs), picture).toBeLessThan(TOLERANCE);
    }
    const [[scaled = ''] = []] = pictures;
    const theirs = PILLOW_ONLY.includes(model) ? byPillow : await byTransformers({ [model]: [scaled] });
    expect(largestDifference(ours.get(scaled) ?? [], theirs[model]?.[scaled] ?? [])).toBeLessThan(TOLERANCE);
  });

  it.skipIf(sharedFiles === 'missing')('has their scores on real photographs, too: ResNet-50', async () => {
    const { byPillow, byTransformers } = others as Others;
    const ours = await scoresOf(REAL, others as Others);
    const pictures = Object.keys(byPillow[REAL] ?? {});
    for (const picture of pictures) {
      if (await hasProfile(picture)) continue;
      expect(bestOf(ours.get(picture) ?? []), picture).toBe(bestOf(byPillow[REAL]?.[picture] ?? []));
      const difference = largestDifference(ours.get(picture) ?? [], byPillow[REAL]?.[picture] ?? []);
      expect(difference, picture).toBeLessThan(TOLERANCE);
    }
    // Its resizing is not Pillow's, so it gets pictures that Pillow has scaled.
    const scaled = pictures.filter((picture) => picture.includes('/scaled/'));
    expect(scaled).toHaveLength(photographs.length);
    const theirs = (await byTransformers({ [REAL]: scaled }))[REAL] ?? {};
    for (const picture of scaled) {
      expect(bestOf(ours.get(picture) ?? []), picture).toBe(bestOf(theirs[picture] ?? []));
      expect(largestDifference(ours.get(picture) ?? [], theirs[picture] ?? []), picture).toBeLessThan(
        TOLERANCE,
      );
    }
  });
});
