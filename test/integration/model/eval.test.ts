import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { installedClassifier, openModelLibrary } from '../../../src/app/select-job-model.ts';
import { loadSettings } from '../../../src/app/settings.ts';
import { type EvalFlags, evaluateFolder } from '../../../src/cli/models/eval.ts';
import type { EvaluatedModel } from '../../../src/cli/models/eval-view.ts';
import { refOf } from '../../../src/core/model/model.ts';
import { importModel } from '../../../src/model/import.ts';
import { temporaryFolder } from './support.ts';
import { tinyOnnx } from './tiny-onnx.ts';

const SIDE = 8;
const CLASSES = ['red', 'green & <blue>'];

/** A model of two classes that is always sure of itself, and 60 pictures, of which a third are in the wrong folder. */
async function setUp(recipe: object = {}) {
  const root = await temporaryFolder();
  const source = join(root, 'two');
  await mkdir(source);
  await writeFile(join(source, 'model.onnx'), tinyOnnx({ shape: ['N', 3, SIDE, SIDE], classes: 2 }));
  const labels = CLASSES.map((label, at) => ({ wnid: `n0000000${at}`, label }));
  await writeFile(join(source, 'labels.json'), JSON.stringify(labels));
  const preprocess = { resizeShortestSide: SIDE, cropSize: SIDE };
  await writeFile(join(source, 'model.json'), JSON.stringify({ preprocess, ...recipe }));
  const { settings } = loadSettings({ dataDir: root, model: 'two' });
  const library = openModelLibrary(settings);
  await importModel(source, { library });
  const photos = join(root, 'photos');
  for (const { wnid } of labels) await mkdir(join(photos, wnid), { recursive: true });
  for (let at = 0; at < 60; at++) {
    const background =
      at % 2 === 0 ? { r: 140, g: 120 + at / 4, b: 120 } : { r: 120, g: 120 + at / 4, b: 140 };
    const picture = sharp({ create: { width: SIDE, height: SIDE, channels: 3, background } }).png();
    const wnid = (at % 3 === 0 ? labels[(at + 1) % 2] : labels[at % 2])?.wnid ?? '';
    await writeFile(join(photos, wnid, `"${at}"<b>.png`), await picture.toBuffer());
  }
  const signal = new AbortController().signal;
  const evaluate = async (flags: Partial<EvalFlags>): Promise<EvaluatedModel> => {
    let written = '';
    await evaluateFolder(
      photos,
      { format: 'json', ...flags },
      {
        settings,
        signal,
        write: (text) => {
          written += text;
        },
      },
    );
    return JSON.parse(written)[0];
  };
  const classifier = async () => {
    const [model] = await library.find('two');
    return model && (await installedClassifier(settings, refOf(model.manifest)));
  };
  return { root, evaluate, classifier };
}

it('a calibrated model keeps its temperature: scores are as often right as they say, and images are classified anew', async () => {
  const { root, evaluate, classifier } = await setUp();
  const before = await evaluate({});
  const classifierBefore = await classifier();
  const html = join(root, 'report.html');
  const calibrated = await evaluate({ calibrate: true, html });
  expect(calibrated.calibration.expectedErrorBefore).toBeCloseTo(before.calibration.expectedError, 6);
  const after = await evaluate({});
  expect(after.top1).toBe(before.top1);
  const pairsOf = ({ confusions }: EvaluatedModel) =>
    confusions.map(({ truth, predicted, images }) => ({ truth, predicted, images }));
  expect(pairsOf(after)).toEqual(pairsOf(before));
  expect(after.calibration.meanScore).not.toBeCloseTo(before.calibration.meanScore, 2);
  expect(after.calibration.temperature).toBe(calibrated.calibration.temperature);
  expect(after.calibration.expectedError).toBeLessThan(before.calibration.expectedError / 2);
  expect(after.calibration.expectedError).toBeCloseTo(calibrated.calibration.expectedError, 3);
  expect(await classifier()).not.toBe(classifierBefore);

  const page = await readFile(html, 'utf8');
  const wrong = before.confusions.reduce((sum, { images }) => sum + images, 0);
  expect(wrong).toBeGreaterThan(10);
  expect(page.match(/<img src="data:image\/jpeg;base64,/g)).toHaveLength(wrong);
  expect(page).not.toMatch(/<script|<b>|<blue>|https?:|NaN|undefined/);
  expect(page.match(/<img /g)).toHaveLength(page.match(/<img [^>]*alt="[^"]+"/g)?.length ?? 0);
});

it('a model that scores each label by itself is not calibrated with images of one label', async () => {
  const { evaluate } = await setUp({ activation: 'sigmoid' });
  await expect(evaluate({ calibrate: true })).rejects.toThrow(
    /^Cannot calibrate two\/fp32: any number of its labels may be right/,
  );
  expect((await evaluate({})).calibration.temperature).toBe(1);
});
