import { mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isError } from '../../../src/core/model/outcome.ts';
import { createClassifier } from '../../../src/model/classifier.ts';
import { importModel } from '../../../src/model/import.ts';
import { createModelLibrary } from '../../../src/model/library.ts';
import { BUNDLED_DIR, LIMITS, SAMPLES_DIR, STARTER_DIR, temporaryFolder } from './support.ts';
import { field, tinyOnnx } from './tiny-onnx.ts';

const LABELS = ['Katze', '犬', 'птица'];
const config = (changes: object = {}) => ({
  architectures: ['ViTForImageClassification'],
  id2label: Object.fromEntries(LABELS.entries()),
  ...changes,
});
const PROCESSOR = {
  image_processor_type: 'ViTImageProcessor',
  size: { height: 224, width: 224 },
  resample: 2,
};

/** An empty library, and a folder in the Hub's layout. A file that is undefined is missing. */
async function setUp(files: Record<string, string | Buffer | object | undefined> = {}) {
  const root = await temporaryFolder();
  const library = createModelLibrary({ modelsDir: path.join(root, 'models'), bundledDir: BUNDLED_DIR });
  const folder = path.join(root, 'My-Cats');
  const all = {
    'config.json': config(),
    'preprocessor_config.json': PROCESSOR,
    'onnx/model.onnx': tinyOnnx({ classes: 3 }),
    ...files,
  };
  await mkdir(path.join(folder, 'onnx'), { recursive: true });
  for (const [name, content] of Object.entries(all)) {
    if (content === undefined) continue;
    const isText = typeof content === 'string' || Buffer.isBuffer(content);
    await writeFile(path.join(folder, name), isText ? content : JSON.stringify(content));
  }
  return { library, folder };
}

describe('import of a folder in the layout of the Hub', () => {
  it('installs a model that answers in its own labels', async () => {
    const { library, folder } = await setUp({ 'README.md': '---\nlicense: apache-2.0\n---\n# Cats\n' });
    const { dir, manifest, notices } = await importModel(folder, { library });
    expect(manifest).toMatchObject({
      name: 'my-cats',
      variant: 'fp32',
      licence: 'apache-2.0',
      activation: 'softmax',
      preprocess: { fit: 'stretch', cropSize: 224, kernel: 'linear' },
    });
    expect(notices).toEqual([]);
    const classifier = await createClassifier({ dir, sha256: manifest.sha256, ...LIMITS });
    const [result] = await classifier.classify([await readFile(path.join(SAMPLES_DIR, 'cat.jpg'))], 3);
    await classifier.dispose();
    if (result === undefined || isError(result)) throw new Error(JSON.stringify(result));
    expect(result.labels.map(({ label }) => label).sort()).toEqual(LABELS.toSorted());
  });

  it('takes the quantised weights if it is asked to, or if there are no others', async () => {
    const quantised = tinyOnnx({ classes: 3, isQuantised: true });
    const { library, folder } = await setUp({ 'onnx/model_quantized.onnx': quantised });
    expect((await importModel(folder, { library })).manifest.variant).toBe('fp32');
    const int8 = await importModel(folder, { library, variant: 'int8' });
    expect(int8.manifest).toMatchObject({ variant: 'int8', bytes: quantised.length });
    await rm(path.join(folder, 'onnx/model.onnx'));
    expect((await importModel(folder, { library })).manifest.sha256).toBe(int8.manifest.sha256);
  });

  it('scores with weights of 16 bits as with those of 32, from half the bytes', async () => {
    const classes = 100;
    const id2label = Object.fromEntries(Array.from({ length: classes }, (_, id) => [id, `class ${id}`]));
    const { library, folder } = await setUp({
      'config.json': config({ id2label }),
      'onnx/model.onnx': tinyOnnx({ classes }),
      'onnx/model_fp16.onnx': tinyOnnx({ classes, isHalf: true }),
    });
    const scores = async (precision: string) => {
      const { dir, manifest } = await importModel(folder, { library, precision });
      const classifier = await createClassifier({ dir, sha256: manifest.sha256, ...LIMITS });
      const image = await readFile(path.join(SAMPLES_DIR, 'cat.jpg'));
      const [result] = await classifier.classify([image], classes);
      await classifier.dispose();
      if (result === undefined || isError(result)) throw new Error(JSON.stringify(result));
      const byClass = result.labels.toSorted((a, b) => Number(a.wnid) - Number(b.wnid));
      return { bytes: manifest.bytes, variant: manifest.variant, scores: byClass.map(({ score }) => score) };
    };
    const [whole, half] = [await scores('fp32'), await scores('fp16')];
    expect(half.variant).toBe('fp32');
    expect(half.bytes).toBeLessThan(0.75 * whole.bytes);
    expect(half.scores).not.toEqual(whole.scores);
    for (const [id, score] of half.scores.entries())
      expect(Math.abs(score - (whole.scores[id] ?? 1))).toBeLessThan(0.01);
  });

  it("knows ImageNet's classes again, with their categories", async () => {
    const bundled = JSON.parse(await readFile(path.join(STARTER_DIR, 'labels.json'), 'utf8'));
    const labels = bundled.map(({ label }: { label: string }) => `${label}, a synonym`);
    const { library, folder } = await setUp({
      'config.json': config({ id2label: Object.fromEntries(labels.entries()) }),
      'onnx/model.onnx': tinyOnnx({ classes: 1000 }),
    });
    await importModel(folder, { library });
    const [model] = await library.find('my-cats');
    expect(model?.labels[281]).toEqual({ wnid: bundled[281].wnid, label: labels[281] });
  });

  it('takes the output with the logits, wherever it stands', async () => {
    const { library, folder } = await setUp({
      'onnx/model.onnx': tinyOnnx({ classes: 3, outputs: ['means', 'logits'] }),
    });
    const { dir, manifest } = await importModel(folder, { library });
    expect(manifest.output).toEqual({ name: 'logits' });
    const classifier = await createClassifier({ dir, sha256: manifest.sha256, ...LIMITS });
    const [result] = await classifier.classify([await readFile(path.join(SAMPLES_DIR, 'cat.jpg'))], 3);
    await classifier.dispose();
    const only = await setUp();
    const { dir: alone, manifest: same } = await importModel(only.folder, { library: only.library });
    const other = await createClassifier({ dir: alone, sha256: same.sha256, ...LIMITS });
    const [expected] = await other.classify([await readFile(path.join(SAMPLES_DIR, 'cat.jpg'))], 3);
    await other.dispose();
    expect(result).toMatchObject({ labels: (expected as { labels: unknown }).labels });
  });

  it('reads the settings of a processor of images and texts, and those of a type of model', async () => {
    const { image_processor_type: _, ...unnamed } = PROCESSOR;
    const { library, folder } = await setUp({
      'preprocessor_config.json': undefined,
      'processor_config.json': { image_processor: unnamed, processor_class: 'CLIPProcessor' },
      'config.json': config({ model_type: 'vit' }),
    });
    expect((await importModel(folder, { library })).manifest.preprocess).toMatchObject({ fit: 'stretch' });
  });

  it('reads the recipe of a person instead, if there is one', async () => {
    const recipe = { preprocess: { resizeShortestSide: 300 } };
    const { library, folder } = await setUp({
      'preprocessor_config.json': undefined,
      'model.json': recipe,
      'labels.json': LABELS.map((label, id) => ({ wnid: String(id), label })),
      'model.onnx': tinyOnnx({ classes: 3 }),
    });
    expect((await importModel(folder, { library })).manifest.preprocess).toMatchObject(recipe.preprocess);
  });

  it.each<[string, Record<string, string | object | undefined>, RegExp]>([
    [
      'without ONNX weights',
      { 'onnx/model.onnx': undefined, 'model.safetensors': '' },
      /My-Cats has no ONNX weights, only model\.safetensors\.$/,
    ],
    [
      'without a processor',
      { 'preprocessor_config.json': undefined },
      /My-Cats has no preprocessor_config\.json, which says how to prepare images\.$/,
    ],
    [
      'with a detection model',
      { 'config.json': config({ architectures: ['YolosForObjectDetection'] }) },
      /config\.json: YolosForObjectDetection is not an image classifier\.$/,
    ],
    [
      'with labels that are not those of the model',
      { 'config.json': config({ id2label: { 0: 'Katze' } }) },
      /config\.json has 1 labels; the model has 3 classes\.$/,
    ],
    [
      'with another size of pictures than its weights take',
      { 'preprocessor_config.json': { ...PROCESSOR, size: 256 } },
      /takes 224 x 224 pixels, but the recipe crops to 256\.$/,
    ],
    [
      'whose file of quantised weights has weights of 32 bits',
      { 'onnx/model.onnx': undefined, 'onnx/model_quantized.onnx': tinyOnnx({ classes: 3 }) },
      /My-Cats\/onnx\/model_quantized\.onnx are fp32, not int8: their graph has no quantised operator\.$/,
    ],
    [
      'whose model returns no numbers',
      { 'onnx/model.onnx': tinyOnnx({ classes: 3, seed: Number.NaN }) },
      /not finite\.$/,
    ],
    ['with a file that is not JSON', { 'config.json': '{' }, /config\.json is not JSON/],
    [
      'with a huge file of settings',
      { 'config.json': ' '.repeat(9_000_000) },
      /has more than 8388608 bytes\.$/,
    ],
    [
      'with weights in a file that is missing',
      { 'onnx/model.onnx_data': '', 'onnx/model.onnx': 'no protobuf' },
      /Cannot load .*My-Cats\/onnx\/model\.onnx as a model/,
    ],
  ])('refuses one %s, in one line, and leaves nothing', async (_, files, message) => {
    const { library, folder } = await setUp(files);
    const precision = 'onnx/model_quantized.onnx' in files ? 'q8' : undefined;
    const failure = await importModel(folder, { library, precision }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: 'ImgclsError', message: expect.stringMatching(message) });
    expect((failure as Error).message).not.toContain('\n');
    expect(await readdir(library.modelsDir).catch(() => [])).toEqual([]);
  });

  it('refuses weights that are a link to nothing', async () => {
    const { library, folder } = await setUp({ 'onnx/model.onnx': undefined });
    await symlink('nowhere', path.join(folder, 'onnx/model.onnx'));
    await expect(importModel(folder, { library })).rejects.toThrow(/My-Cats has no ONNX weights\.$/);
  });

  it.each([
    ['more than 2 GB of weights by naming a smaller file twice', {}, /have 2400000\d{3} bytes; the limit is/],
    [
      'weights at half a byte',
      { offset: '0.5' },
      /My-Cats\/onnx\/model\.onnx as a model: its weights are not all in/,
    ],
  ])('refuses %s, and writes nothing', async (_, place, message) => {
    const entries = Object.entries({ location: 'model.onnx_data', ...place });
    const data = entries.map(([key, value]) => field(13, Buffer.concat([field(1, key), field(2, value)])));
    const tensor = field(5, Buffer.concat([...data, field(14, 1)]));
    const graph = field(7, Buffer.concat([tensor, tensor]));
    const { library, folder } = await setUp({ 'onnx/model.onnx': graph, 'onnx/model.onnx_data': '' });
    await truncate(path.join(folder, 'onnx/model.onnx_data'), 1.2e9);
    await expect(importModel(folder, { library })).rejects.toThrow(message);
  });

  it('refuses weights of 2 GB before it copies them', async () => {
    const { library, folder } = await setUp();
    await truncate(path.join(folder, 'onnx/model.onnx'), 2 ** 31);
    await expect(importModel(folder, { library })).rejects.toThrow(
      /The weights .*model\.onnx have 2147483648 bytes; the limit is 2147483647 bytes\.$/,
    );
  });
});
