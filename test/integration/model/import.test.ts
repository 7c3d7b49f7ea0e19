import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { classLabels, modelManifest } from '../../../src/core/model/model.ts';
import { isError } from '../../../src/core/model/outcome.ts';
import { createClassifier } from '../../../src/model/classifier.ts';
import { importModel } from '../../../src/model/import.ts';
import { createModelLibrary } from '../../../src/model/library.ts';
import { BUNDLED_DIR, LIMITS, SAMPLES_DIR, temporaryFolder } from './support.ts';
import { type TinyModel, tinyOnnx } from './tiny-onnx.ts';

/** An empty library, and a folder `name` with a model file and other `files`. */
async function setUp(model: TinyModel | string, files: Record<string, unknown> = {}, name = 'tiny-net') {
  const root = await temporaryFolder();
  const library = createModelLibrary({ modelsDir: join(root, 'models'), bundledDir: BUNDLED_DIR });
  const folder = join(root, name);
  await mkdir(folder);
  await mkdir(library.modelsDir);
  await writeFile(join(folder, 'model.onnx'), typeof model === 'string' ? model : tinyOnnx(model));
  for (const [file, content] of Object.entries(files)) {
    await writeFile(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));
  }
  const installed = async () => (await library.list()).models.filter(({ bundled }) => !bundled);
  return { library, folder, installed };
}

async function withoutRecipe(folder: string): Promise<string> {
  await rm(join(folder, 'model.json'), { force: true });
  return folder;
}

const labelsOf = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ wnid: `c${index}`, label: `class ${index}` }));

describe('import', () => {
  it('assumes the ImageNet recipe for a model with ImageNet shapes and no recipe, with a notice', async () => {
    const { library, folder, installed } = await setUp({});
    const { dir, manifest, notices } = await importModel(folder, { library });
    expect(manifest).toMatchObject({
      name: 'tiny-net',
      variant: 'fp32',
      input: { name: 'data', layout: 'NCHW' },
      output: { name: 'logits' },
      preprocess: { resizeShortestSide: 256, cropSize: 224, kernel: 'linear', mean: [0.485, 0.456, 0.406] },
      activation: 'softmax',
    });
    expect(notices.join(' ')).toMatch(/standard ImageNet recipe.*ImageNet's 1000/);
    modelManifest.parse(JSON.parse(await readFile(join(dir, 'model.json'), 'utf8')));
    expect(classLabels.parse(JSON.parse(await readFile(join(dir, 'labels.json'), 'utf8')))).toHaveLength(
      1000,
    );
    const [model] = await installed();
    expect(model?.dir).toBe(join(library.modelsDir, 'tiny-net', 'fp32'));
    if (model !== undefined) await library.verify(model);
  });

  it.each([
    ['one a line', 'daisy\n2 lips\ntulip\n', ['daisy', '2 lips', 'tulip']],
    [
      'with numbers, as Teachable Machine writes them',
      '0 daisy\r\n1 2 lips\r\n2 tulip',
      ['daisy', '2 lips', 'tulip'],
    ],
  ])('takes labels of labels.txt, %s', async (_, text, labels) => {
    const { library, folder, installed } = await setUp({ classes: 3 }, { 'labels.txt': text });
    const { notices } = await importModel(folder, { library });
    const [model] = await installed();
    expect(model?.labels.map(({ label }) => label)).toEqual(labels);
    expect(notices.join(' ')).not.toContain('Its classes are assumed');
  });

  it('finds the WordNet ids of a labels.txt with the labels of ImageNet', async () => {
    const imageNet = JSON.parse(await readFile(join(BUNDLED_DIR, 'efficientnet-lite0/labels.json'), 'utf8'));
    const text = classLabels
      .parse(imageNet)
      .map(({ label }) => label)
      .join('\n');
    const { library, folder, installed } = await setUp({}, { 'labels.txt': text });
    await importModel(folder, { library });
    expect((await installed())[0]?.labels).toEqual(imageNet);
  });

  it('installs a model that classifies', async () => {
    const { library, folder } = await setUp({ classes: 4 }, { 'labels.json': labelsOf(4) });
    const { dir, manifest } = await importModel(folder, { library });
    const classifier = await createClassifier({ dir, sha256: manifest.sha256, ...LIMITS });
    const [result] = await classifier.classify([await readFile(join(SAMPLES_DIR, 'cat.jpg'))], 4);
    await classifier.dispose();
    if (result === undefined || isError(result)) throw new Error(JSON.stringify(result));
    expect(result.labels.map(({ label }) => label).sort()).toEqual([
      'class 0',
      'class 1',
      'class 2',
      'class 3',
    ]);
    expect(result.labels.reduce((sum, { score }) => sum + score, 0)).toBeCloseTo(1, 5);
  });

  it('detects that a model returns probabilities', async () => {
    const { library, folder } = await setUp({ probabilities: true });
    expect((await importModel(folder, { library })).manifest.activation).toBe('none');
  });

  it('takes the output that the recipe names', async () => {
    const { library, folder } = await setUp(
      { outputs: ['means', 'logits'], classes: 4 },
      {
        'labels.json': labelsOf(3),
        'model.json': { output: { name: 'means' }, activation: 'softmax' },
      },
    );
    expect((await importModel(folder, { library })).manifest.output).toEqual({ name: 'means' });
  });

  it('runs a model of fixed batch size on any number of images', async () => {
    const { library, folder } = await setUp({ shape: [1, 3, 224, 224] });
    const { dir, manifest } = await importModel(folder, { library });
    const classifier = await createClassifier({ dir, sha256: manifest.sha256, ...LIMITS });
    const files = ['cat.jpg', 'rocket.jpg', 'coffee.jpg'];
    const images = await Promise.all(files.map((file) => readFile(join(SAMPLES_DIR, file))));
    const together = await classifier.classify(images, 3);
    const alone = await Promise.all(images.map((image) => classifier.classify([image], 3)));
    await classifier.dispose();
    const labels = (results: typeof together) => results.map((one) => (isError(one) ? one : one.labels));
    expect(labels(together)).toEqual(labels(alone.flat()));
  });

  it('prefers values of a recipe to those of the model', async () => {
    const recipe = {
      name: 'birds',
      version: '3',
      licence: 'MIT',
      preprocess: { resizeShortestSide: 72, cropSize: 64, channelOrder: 'BGR', mean: [0.5, 0.5, 0.5] },
    };
    const { library, folder } = await setUp(
      { shape: ['N', 64, 64, 3], classes: 10, isQuantised: true },
      { 'model.json': recipe, 'labels.json': labelsOf(10) },
    );
    const { manifest, notices } = await importModel(join(folder, 'model.onnx'), { library, variant: 'int8' });
    expect(manifest).toMatchObject({
      ...recipe,
      variant: 'int8',
      input: { layout: 'NHWC' },
      preprocess: { ...recipe.preprocess, std: [0.229, 0.224, 0.225] },
    });
    expect(notices).toEqual([]);
  });

  it.each<[string, TinyModel, { variant?: 'fp32' | 'int8' }, object, RegExp]>([
    [
      'of 32 bits as int8',
      {},
      { variant: 'int8' },
      {},
      /model\.onnx are fp32, not int8: their graph has no quantised operator\.$/,
    ],
    [
      'of 8 bits as fp32',
      { isQuantised: true },
      { variant: 'fp32' },
      {},
      /model\.onnx are int8, not fp32: their graph has the operator DequantizeLinear\.$/,
    ],
    [
      'of 8 bits with a recipe that calls them fp32',
      { isQuantised: true },
      {},
      { 'model.json': { variant: 'fp32' } },
      /are int8, not fp32/,
    ],
    ['of 16 bits as int8', { isHalf: true }, { variant: 'int8' }, {}, /are fp32, not int8/],
  ])('refuses weights %s, and says what they are', async (_, model, options, files, message) => {
    const { library, folder, installed } = await setUp(model, files as Record<string, unknown>);
    await expect(importModel(folder, { library, ...options })).rejects.toThrow(message);
    expect(await installed()).toEqual([]);
    const { manifest } = await importModel(await withoutRecipe(folder), { library });
    expect(manifest.variant).toBe(model.isQuantised ? 'int8' : 'fp32');
  });

  it.each([
    ['resnet50-fp32', 'resnet50'],
    ['ResNet 50 (mine)', 'resnet-50-mine-'],
    ['mobilenet_v3', 'mobilenet_v3'],
  ])('names a model in folder %s %s', async (folderName, expected) => {
    const { library, folder } = await setUp({}, {}, folderName);
    expect((await importModel(folder, { library })).manifest.name).toBe(expected);
  });

  it('replaces a model that is imported again', async () => {
    const { library, folder, installed } = await setUp({ seed: 1 });
    await importModel(folder, { library });
    await writeFile(join(folder, 'model.onnx'), tinyOnnx({ seed: 2 }));
    const { manifest } = await importModel(folder, { library });
    expect((await installed()).map((model) => model.manifest.sha256)).toEqual([manifest.sha256]);
  });

  it.each<[string, TinyModel | string, Record<string, unknown>, RegExp]>([
    ['a file that is not ONNX', 'not a model', {}, /Cannot load .*\.onnx as a model/],
    ['an unknown operator', { extraOperator: 'Frobnicate' }, {}, /Cannot load .*\.onnx as a model/],
    [
      'a file of a newer ONNX',
      { version: { ir: 99, opset: 13 } },
      {},
      /Cannot load .*\.onnx as a model: .*max supported IR version/,
    ],
    [
      'several outputs of which none is called logits',
      { outputs: ['means', 'scores'], probabilities: true },
      {},
      /its outputs are means, scores\.$/,
    ],
    [
      'an output that the model does not have',
      {},
      { 'model.json': { output: { name: 'classes' } } },
      /its outputs are logits, not classes\.$/,
    ],
    [
      'one number that may be anything',
      { classes: 1 },
      { 'labels.json': labelsOf(1) },
      /may be logits, or scores/,
    ],
    ['a model without image input', { shape: ['N', 5, 224, 224] }, {}, /without a dimension of 3 channels/],
    [
      'interleaved input without a recipe',
      { shape: ['N', 224, 224, 3] },
      {},
      /no recipe for preparing images/,
    ],
    [
      'an input size that differs from the recipe',
      { shape: ['N', 3, 299, 299] },
      {},
      /takes 299 x 299 pixels/,
    ],
    ['classes without labels', { classes: 10 }, {}, /10 classes and no labels/],
    ['too few labels', { classes: 10 }, { 'labels.json': labelsOf(9) }, /9 labels; the model has 10/],
    [
      'too few lines of labels',
      { classes: 3 },
      { 'labels.txt': 'cat\ndog\n' },
      /labels\.txt has 2 labels; the model has 3/,
    ],
    [
      'a line without a label',
      { classes: 3 },
      { 'labels.txt': 'cat\n\ndog\n' },
      /Line 2 of labels\.txt has no label/,
    ],
    ['labels of a wrong shape', {}, { 'labels.json': ['cat'] }, /labels\.json has the wrong shape/],
    ['a recipe that is not JSON', {}, { 'model.json': '{' }, /not JSON/],
    ['a recipe of a wrong shape', {}, { 'model.json': { variant: 'int4' } }, /wrong shape: variant/],
    [
      'a crop larger than the image',
      { shape: ['N', 3, 'H', 'W'] },
      { 'model.json': { preprocess: { cropSize: 300 } } },
      /cropSize 300 is larger/,
    ],
  ])('refuses %s and leaves nothing', async (_, model, files, message) => {
    const { library, folder, installed } = await setUp(model, files);
    const failure = await importModel(folder, { library }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'ImgclsError', message: expect.stringMatching(message) });
    expect((failure as Error).message).not.toContain('.staging');
    expect(await installed()).toEqual([]);
    expect(await readdir(library.modelsDir)).toEqual([]);
  });

  it('refuses invalid names and missing paths', async () => {
    const { library, folder } = await setUp({});
    await expect(importModel(folder, { library, name: '../evil' })).rejects.toThrow(
      /Invalid model name "\.\.\/evil"/,
    );
    await expect(importModel(join(folder, 'nowhere'), { library })).rejects.toThrow(
      /Cannot read .*nowhere: no such file or folder\.$/,
    );
    await expect(importModel(library.modelsDir, { library })).rejects.toThrow();
  });
});
