import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOptimisedModels } from '../../../src/app/optimised-models.ts';
import { isError } from '../../../src/core/model/outcome.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import { createClassifier } from '../../../src/model/classifier.ts';
import { createModelFiles } from '../../../src/model/fetch.ts';
import { createModelLibrary } from '../../../src/model/library.ts';
import { createOptimisedModels } from '../../../src/model/optimised.ts';
import {
  BUNDLED_DIR,
  LIMITS,
  SAMPLES_DIR,
  STARTER_DIR,
  starterManifest,
  temporaryFolder,
} from './support.ts';

const sample = async () => new Uint8Array(await readFile(join(SAMPLES_DIR, 'rocket.jpg')));
const weights = join(STARTER_DIR, 'model.onnx');

describe('an optimised model', () => {
  it('returns the same labels and scores as the original model', async () => {
    const { sha256 } = await starterManifest();
    const optimisedDir = await openOptimisedModels({ dataDir: await temporaryFolder() }).make(
      weights,
      sha256,
    );
    const plain = await createClassifier({ dir: STARTER_DIR, sha256, ...LIMITS });
    const optimised = await createClassifier({ dir: STARTER_DIR, sha256, optimisedDir, ...LIMITS });
    const [expected] = await plain.classify([await sample()], 5);
    const [found] = await optimised.classify([await sample()], 5);
    if (found === undefined || expected === undefined || isError(found) || isError(expected)) {
      throw new Error('no prediction');
    }
    expect(found.labels.map(({ wnid }) => wnid)).toEqual(expected.labels.map(({ wnid }) => wnid));
    for (const [at, { score }] of found.labels.entries())
      expect(score).toBeCloseTo(expected.labels[at]?.score ?? Number.NaN, 3);
    await Promise.all([plain.dispose(), optimised.dispose()]);
  });

  it('is made once, and again if one of its files is damaged', async () => {
    const dir = await temporaryFolder();
    let made = 0;
    const models = createOptimisedModels({
      dir,
      platform: async () => 'this',
      async optimise(_, to) {
        made++;
        await writeFile(to, 'graph');
        await writeFile(`${to}.data`, 'weights');
      },
    });
    const sha256 = '1'.repeat(64);
    expect(await models.find(sha256)).toEqual({ state: 'absent' });
    const folder = await models.make(weights, sha256);
    const intact = { state: 'intact', dir: folder };
    expect(await models.find(sha256)).toEqual(intact);
    const data = join(folder, 'model.onnx.data');
    for (const damage of [() => truncate(data, 3), () => writeFile(data, 'wEights'), () => rm(data)]) {
      await damage();
      expect(await models.find(sha256)).toEqual({ state: 'damaged' });
      expect(await models.make(weights, sha256)).toBe(folder);
      expect(await models.find(sha256)).toEqual(intact);
    }
    expect(made).toBe(4);
    await models.remove(sha256);
    expect(await readdir(dir)).toEqual([]);
  });

  it('is made again if an older imgcls made it, which recorded no sha256', async () => {
    const dir = await temporaryFolder();
    const models = createOptimisedModels({
      dir,
      platform: async () => 'this',
      optimise: (_, to) => writeFile(to, 'graph'),
    });
    const sha256 = '1'.repeat(64);
    const description = join(await models.make(weights, sha256), 'optimised.json');
    const { digests, ...older } = JSON.parse(await readFile(description, 'utf8'));
    expect(Object.keys(digests)).toEqual(['model.onnx']);
    await writeFile(description, JSON.stringify(older));
    expect(await models.find(sha256)).toEqual({ state: 'absent' });
  });

  it('with changed bytes is not used by a worker, which makes it again', async () => {
    const root = await temporaryFolder();
    const optimised = openOptimisedModels({ dataDir: root });
    const warnings: string[] = [];
    const files = createModelFiles({
      library: createModelLibrary({ modelsDir: join(root, 'models'), bundledDir: BUNDLED_DIR }),
      cacheDir: join(root, 'cache'),
      version: '1.0.0',
      log: { ...noLog, warn: (_fields, text) => warnings.push(text) },
      optimised,
    });
    const { name, version, variant, sha256 } = await starterManifest();
    const folder = await optimised.make(weights, sha256);
    const data = join(folder, 'model.onnx.data');
    const intact = await readFile(data);
    const changed = Buffer.from(intact);
    changed.fill(0x5a, 100_000, 120_000);
    await writeFile(data, changed);
    const { optimisedDir } = await files.ensure({ name, version, variant, sha256 });
    expect(optimisedDir).toBe(folder);
    expect(warnings).toEqual(['The optimised model is damaged. Making it again.']);
    expect(Buffer.compare(await readFile(data), intact)).toBe(0);
  });

  it('is not used on another type of CPU', async () => {
    const dir = await temporaryFolder();
    const on = (platform: string) =>
      createOptimisedModels({ dir, platform: async () => platform, optimise: (_, to) => writeFile(to, '') });
    await on('one').make(weights, '1'.repeat(64));
    expect(await on('other').find('1'.repeat(64))).toEqual({ state: 'absent' });
  });

  it('leaves no files if it cannot be made; then the original model is used', async () => {
    const dir = await temporaryFolder();
    const files = createModelFiles({
      library: createModelLibrary({ modelsDir: join(dir, 'models'), bundledDir: BUNDLED_DIR }),
      cacheDir: join(dir, 'cache'),
      version: '1.0.0',
      log: noLog,
      optimised: createOptimisedModels({
        dir: join(dir, 'optimised'),
        platform: async () => 'this',
        optimise: () => Promise.reject(new Error('The disk is full.')),
      }),
    });
    const { name, version, variant, sha256 } = await starterManifest();
    expect(await files.ensure({ name, version, variant, sha256 })).toEqual({
      dir: STARTER_DIR,
      sha256,
      classifier: expect.any(String),
    });
    expect(await readdir(join(dir, 'optimised'))).toEqual([]);
  });
});
