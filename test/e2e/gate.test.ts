/** The accuracy gate over the built binary, on real weights and photographs. */
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InstalledPackage, installPackage, repository, sharedFolder, start } from './package.ts';

const shared = sharedFolder();

describe.skipIf(shared === undefined)('int8', () => {
  const models = path.join(shared ?? '', 'models');
  const images = path.join(shared ?? '', 'images', 'evaluate');
  let installed: InstalledPackage;
  let dataDir: string;
  const imgcls = async (...args: string[]) => await start(installed.bin, dataDir, args).finished;
  beforeAll(async () => {
    installed = await installPackage();
    dataDir = await installed.dataDir();
    const { code, stderr } = await imgcls(
      'model',
      'import',
      path.join(models, 'resnet50-fp32'),
      '--name',
      'mine',
    );
    expect(code, stderr).toBe(0);
  });
  afterAll(() => installed.remove());

  it('is refused where it loses too many images, and nothing is installed', async () => {
    // The same weights on images whose channels are in the wrong order: a third of the labels are wrong.
    const folder = path.join(dataDir, 'spoiled');
    await mkdir(folder);
    await cp(path.join(models, 'resnet50-int8', 'model.onnx'), path.join(folder, 'model.onnx'));
    await writeFile(path.join(folder, 'model.json'), JSON.stringify({ preprocess: { channelOrder: 'BGR' } }));
    const few = path.join(dataDir, 'few');
    await mkdir(few);
    for (const name of (await readdir(images)).slice(0, 20))
      await cp(path.join(images, name), path.join(few, name));
    const args = ['--name', 'mine', '--variant', 'int8', '--images', few];
    const { code, stderr } = await imgcls('model', 'import', folder, ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /mine\/int8 did not pass the accuracy gate: \d+ of 20 images right \(top-1\), fp32 \d\d\./,
    );
    expect((await imgcls('model', 'info', 'mine/int8')).code).toBe(2);
  });

  it('is not used by default until it has passed the gate, whose result is stored', async () => {
    const cat = path.join(repository, 'samples', 'cat.jpg');
    const upload = ['upload', cat, '--model', 'mine'];
    await imgcls('model', 'import', path.join(models, 'resnet50-int8'), '--name', 'mine');
    expect((await imgcls(...upload)).stderr).toContain('mine/fp32 (int8 has not passed the accuracy gate)');
    const { code, stdout } = await imgcls('model', 'verify', 'mine', '--images', images);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'mine/int8: 82 of 100 images right (top-1), fp32 83; passed\n',
    });
    const gate = JSON.parse(await readFile(path.join(dataDir, 'models/mine/int8/gate.json'), 'utf8'));
    expect(gate).toMatchObject({ passed: true, top1: 82, referenceTop1: 83, images: 100 });
    expect((await imgcls('model', 'info', 'mine/int8')).stdout).toContain(
      '82 of 100 images right (top-1), fp32 83',
    );
  });

  it('and fp32 are right as often as they were measured to be', async () => {
    const { stdout } = await imgcls('eval', images, '--model', 'mine', '--format', 'json');
    expect(JSON.parse(stdout)).toMatchObject([
      { model: 'mine/fp32', images: 100, top1: 0.83, category: 0.92, failed: 0 },
      { model: 'mine/int8', images: 100, top1: 0.82, category: 0.91, failed: 0 },
    ]);
  });
});

describe('eval', () => {
  it('explains how to label images if none is labelled', async () => {
    const installed = await installPackage();
    const samples = path.join(repository, 'samples');
    const { code, stderr } = await start(installed.bin, await installed.dataDir(), ['eval', samples])
      .finished;
    expect(code).toBe(2);
    expect(stderr).toContain('No labelled images found in');
    await installed.remove();
  });
});
