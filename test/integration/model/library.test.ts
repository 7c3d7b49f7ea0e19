import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forgetDefaultModel, writeDefaultModel } from '../../../src/model/default-model.ts';
import { compareVariant, writeGate } from '../../../src/model/gate.ts';
import { importModel } from '../../../src/model/import.ts';
import { createModelLibrary } from '../../../src/model/library.ts';
import { parseModelTitle, selectModel } from '../../../src/model/select-model.ts';
import { BUNDLED_DIR, temporaryFolder } from './support.ts';
import { tinyOnnx } from './tiny-onnx.ts';

const cpu = { int8: ['avx512_vnni'], known: true };

async function setUp() {
  const root = await temporaryFolder();
  const library = createModelLibrary({ modelsDir: join(root, 'models'), bundledDir: BUNDLED_DIR });
  const install = async (name: string, variant: 'fp32' | 'int8', seed = 1) => {
    const file = join(root, `${name}.onnx`);
    await writeFile(file, tinyOnnx({ seed, isQuantised: variant === 'int8' }));
    return await importModel(file, { library, name, variant });
  };
  return { library, install };
}

describe('library', () => {
  it('has an intact bundled model from the start', async () => {
    const { library } = await setUp();
    const { models, damaged } = await library.list();
    expect(damaged).toEqual([]);
    expect(models).toMatchObject([
      { bundled: true, manifest: { name: 'efficientnet-lite0', variant: 'int8' } },
    ]);
    for (const model of models) await library.verify(model);
  });

  it('lists models and finds them by name, variant and sha256', async () => {
    const { library, install } = await setUp();
    const fp32 = await install('resnet50', 'fp32', 1);
    await install('resnet50', 'int8', 2);
    const titles = (await library.list()).models.map(
      ({ manifest }) => `${manifest.name}/${manifest.variant}`,
    );
    expect(titles).toEqual(['efficientnet-lite0/int8', 'resnet50/fp32', 'resnet50/int8']);
    expect(await library.find('resnet50')).toHaveLength(2);
    expect(await library.find('resnet50', 'fp32')).toMatchObject([{ dir: fp32.dir }]);
    expect(await library.find('vgg')).toEqual([]);
    expect((await library.findBySha256(fp32.manifest.sha256))?.dir).toBe(fp32.dir);
    expect(await library.findBySha256('0'.repeat(64))).toBeUndefined();
  });

  it('lists damaged folders separately', async () => {
    const { library, install } = await setUp();
    const { dir } = await install('good', 'fp32');
    const broken = join(library.modelsDir, 'broken');
    await cp(dir, join(broken, 'cut'), { recursive: true });
    await writeFile(join(broken, 'cut', 'model.onnx'), 'short');
    await cp(dir, join(broken, 'unreadable'), { recursive: true });
    await writeFile(join(broken, 'unreadable', 'model.json'), '{');
    await mkdir(join(broken, 'empty'));
    await writeFile(join(library.modelsDir, 'stray file'), '');
    const { models, damaged } = await library.list();
    expect(models.map(({ manifest }) => manifest.name)).toEqual(['efficientnet-lite0', 'good']);
    expect(damaged.map(({ problem }) => problem)).toEqual([
      expect.stringContaining('5 bytes'),
      expect.stringContaining('model.json'),
      expect.stringContaining('not JSON'),
    ]);
  });

  it('detects changed weights in verify', async () => {
    const { library, install } = await setUp();
    const { dir } = await install('good', 'fp32', 1);
    await writeFile(join(dir, 'model.onnx'), tinyOnnx({ seed: 2 }));
    const [model] = await library.find('good');
    if (model === undefined) throw new Error('a file of the same length should be listed');
    await expect(library.verify(model)).rejects.toThrow(/sha256/);
  });

  it('removes installed models, even damaged ones, but never bundled ones', async () => {
    const { library, install } = await setUp();
    const { dir } = await install('mine', 'fp32');
    await install('mine', 'int8', 2);
    await rm(join(dir, 'model.json'));
    expect(await library.remove('mine', 'fp32')).toEqual([dir]);
    expect(await library.find('mine')).toHaveLength(1);
    await library.remove('mine');
    expect(await readdir(library.modelsDir)).toEqual([]);
    await expect(library.remove('mine')).rejects.toThrow(/No model mine is installed/);
    await expect(library.remove('efficientnet-lite0')).rejects.toThrow(
      /Cannot remove efficientnet-lite0: it is bundled/,
    );
    await expect(library.remove('../models')).rejects.toThrow(/Invalid model name "\.\.\/models"/);
  });
});

describe('selectModel', () => {
  it('selects the bundled model, whatever else is installed, until a person chooses another', async () => {
    const { library, install } = await setUp();
    await install('resnet50', 'fp32');
    const select = async () =>
      (await selectModel({ library, variantSetting: 'auto', cpu })).model.manifest.name;
    expect(await select()).toBe('efficientnet-lite0');
    await writeDefaultModel(library.modelsDir, 'resnet50');
    expect(await select()).toBe('resnet50');
    await forgetDefaultModel(library.modelsDir);
    expect(await select()).toBe('efficientnet-lite0');
  });

  it('says that the chosen model is gone, or that the choice is damaged', async () => {
    const { library } = await setUp();
    await writeDefaultModel(library.modelsDir, 'resnet50');
    const select = () => selectModel({ library, variantSetting: 'auto', cpu });
    await expect(select()).rejects.toMatchObject({ hint: 'Run "imgcls model pull resnet50".' });
    await writeFile(join(library.modelsDir, 'default.json'), '{"v":1,');
    await expect(select()).rejects.toMatchObject({
      message: expect.stringMatching(/^Cannot read the default model from .*: .* is not JSON/),
      hint: 'Choose it again with "imgcls model use NAME".',
    });
  });

  it('selects the variant that suits the CPU', async () => {
    const { library, install } = await setUp();
    const wanted = 'resnet50';
    const fp32 = await install(wanted, 'fp32', 1);
    const int8 = await install(wanted, 'int8', 2);
    const images = {
      images: 100,
      top1: 82,
      top5: 97,
      category: 95,
      predictions: [],
      failed: [],
      digest: 'd'.repeat(64),
    };
    const compared = ({ manifest: { sha256 } }: typeof int8) => ({ sha256, evaluation: images });
    await writeGate(int8.dir, compareVariant(compared(int8), compared(fp32), { tolerance: 0, nowMs: 0 }));
    const fast = await selectModel({ library, wanted, variantSetting: 'auto', cpu });
    expect(fast).toMatchObject({
      model: { manifest: { variant: 'int8' } },
      reason: 'the CPU has avx512_vnni',
    });
    const slow = await selectModel({
      library,
      wanted,
      variantSetting: 'auto',
      cpu: { int8: [], known: true },
    });
    expect(slow.model.manifest.variant).toBe('fp32');
    const explicit = await selectModel({ library, wanted, variantSetting: 'fp32', cpu });
    expect(explicit.model.manifest.variant).toBe('fp32');
  });

  it('selects the wanted model, or explains how to install it', async () => {
    const { library, install } = await setUp();
    await install('mine', 'fp32');
    const select = (wanted: string) => selectModel({ library, wanted, variantSetting: 'auto', cpu });
    expect((await select('mine')).model.manifest.name).toBe('mine');
    await expect(select('resnet18')).rejects.toMatchObject({ hint: 'Run "imgcls model pull resnet18".' });
    await expect(select('vgg')).rejects.toMatchObject({
      message: expect.stringContaining('not installed'),
      hint: expect.stringContaining('efficientnet-lite0, mine'),
    });
    await expect(selectModel({ library, wanted: 'mine', variantSetting: 'int8', cpu })).rejects.toThrow(
      /No int8 variant/,
    );
  });

  it('reports the damage if the wanted model is damaged', async () => {
    const { library, install } = await setUp();
    const { dir } = await install('mine', 'fp32');
    await rm(join(dir, 'model.onnx'));
    await expect(selectModel({ library, wanted: 'mine', variantSetting: 'auto', cpu })).rejects.toThrow(
      /damaged/,
    );
  });

  it.each([
    ['resnet50', { name: 'resnet50' }],
    ['resnet50/int8', { name: 'resnet50', variant: 'int8' }],
  ])('reads the title %s', (text, expected) => {
    expect(parseModelTitle(text)).toEqual(expected);
  });

  it.each(['resnet50/int4', 'a/b/c'])('refuses the title %s', (text) => {
    expect(() => parseModelTitle(text)).toThrow(/is not the name of a model/);
  });
});
