// Labels that a job brings itself, with models that compare images with texts: the scores are those of transformers.js.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { pythonWith, transformersScript } from '../../../benchmarks/peers/environments.ts';
import { isError } from '../../../src/core/model/outcome.ts';
import { parseWords } from '../../../src/core/model/words.ts';
import { createClassifier } from '../../../src/model/classifier.ts';
import { importModel } from '../../../src/model/import.ts';
import { createModelLibrary } from '../../../src/model/library.ts';
import { makeWords } from '../../../src/model/words/make-words.ts';
import { BUNDLED_DIR, LIMITS, SAMPLES_DIR } from '../../integration/model/support.ts';

const TOLERANCE = 1e-3;
const LABELS = ['cat', 'cup of coffee', 'mountains', 'a photo of a rocket, at night'];
const TEMPLATES = { 'tiny-clip': 'a photo of a {}', 'tiny-siglip': 'This is a photo of {}.' };
type Model = keyof typeof TEMPLATES;
/** What the models take: pictures of this size are scaled by nobody. */
const SIDE = 64;

const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-zero-shot-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const library = createModelLibrary({ modelsDir: path.join(folder, 'library'), bundledDir: BUNDLED_DIR });

/** Scores of transformers.js by model, picture and label; undefined if it cannot be installed here. */
const theirs = await askTransformers();

async function askTransformers(): Promise<Record<Model, Record<string, Record<string, number>>> | undefined> {
  let programs: [string, string];
  try {
    const script = path.join(import.meta.dirname, 'scores.mjs');
    programs = await Promise.all([pythonWith('pool.txt'), transformersScript(script)]);
  } catch (cause) {
    if (process.env.CI) throw cause;
    console.warn(`SKIPPED: tests of own labels need Python and package indexes. ${cause}`);
    return undefined;
  }
  const [python, script] = programs;
  await promisify(execFile)(python, [path.join(import.meta.dirname, 'models.py'), folder]);
  const pictures = await Promise.all(['cat.jpg', 'coffee.jpg', 'tripod.png'].map(scaledPicture));
  const questions = Object.fromEntries(
    Object.entries(TEMPLATES).map(([model, template]) => [model, { template, labels: LABELS, pictures }]),
  );
  const running = promisify(execFile)(process.execPath, [script, folder]);
  running.child.stdin?.end(JSON.stringify(questions));
  return JSON.parse((await running).stdout);
}

async function scaledPicture(name: string): Promise<string> {
  const file = path.join(folder, `${name}.png`);
  await sharp(path.join(SAMPLES_DIR, name)).flatten().resize(SIDE, SIDE).png().toFile(file);
  return file;
}

describe.skipIf(theirs === undefined)('own labels', () => {
  it.each(Object.keys(TEMPLATES) as Model[])(
    'have the scores that transformers.js gives them: %s',
    async (name) => {
      const { dir, manifest } = await importModel(path.join(folder, name), { library });
      const [installed] = await library.find(name);
      if (installed === undefined) throw new Error(`${name} is not installed.`);
      const { document, sha256 } = await makeWords(installed, LABELS);
      const words = parseWords(Buffer.from(document).toString(), sha256);
      const classifier = await createClassifier({ dir, sha256: manifest.sha256, ...LIMITS });
      const pictures = Object.entries(theirs?.[name] ?? {});
      const images = await Promise.all(pictures.map(([picture]) => readFile(picture)));
      const results = await classifier.classify(images, LABELS.length, undefined, words);
      await classifier.dispose();
      expect(pictures).toHaveLength(3);
      for (const [at, [, scores]] of pictures.entries()) {
        const result = results[at];
        if (result === undefined || isError(result)) throw new Error('an image has no prediction');
        const [best] = Object.entries(scores).sort(([, a], [, b]) => b - a)[0] ?? [];
        expect(result.labels[0]?.label).toBe(best);
        for (const { label, score } of result.labels)
          expect(Math.abs(score - (scores[label] ?? Number.NaN)), label).toBeLessThan(TOLERANCE);
      }
    },
  );

  it.each([
    ['onnx/vision_model.onnx', 'has no onnx/vision_model.onnx'],
    ['onnx/text_model.onnx', 'has no onnx/text_model.onnx'],
    ['onnx/model.onnx', 'does not say logit_scale'],
    ['tokenizer.json', 'has no tokenizer.json'],
    ['preprocessor_config.json', 'has no preprocessor_config.json'],
  ])('are not possible with a model without %s, which is said', async (file, why) => {
    const incomplete = path.join(folder, `without-${path.basename(file)}`);
    await cp(path.join(folder, 'tiny-clip'), incomplete, { recursive: true });
    await rm(path.join(incomplete, file));
    await expect(importModel(incomplete, { library })).rejects.toThrow(why);
    expect(await library.find(path.basename(incomplete))).toEqual([]);
  });
});
