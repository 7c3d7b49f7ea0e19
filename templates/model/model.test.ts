import { cp, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { importModel } from '../../src/model/import.ts';
import { createModelLibrary } from '../../src/model/library.ts';
import { BUNDLED_DIR, temporaryFolder } from '../../test/integration/model/support.ts';
import { tinyOnnx } from '../../test/integration/model/tiny-onnx.ts';

it('the recipe and the labels install weights as a model, without an assumption', async () => {
  const root = await temporaryFolder();
  const library = createModelLibrary({ modelsDir: path.join(root, 'models'), bundledDir: BUNDLED_DIR });
  await mkdir(library.modelsDir);
  const folder = path.join(root, 'flowers');
  await cp(import.meta.dirname, folder, { recursive: true });
  await writeFile(path.join(folder, 'model.onnx'), tinyOnnx({ classes: 3 }));
  const { manifest, notices } = await importModel(folder, { library });
  expect(manifest).toMatchObject({ name: 'flowers', variant: 'fp32', preprocess: { mean: [0.5, 0.5, 0.5] } });
  expect(notices).toEqual([]);
  const installed = (await library.list()).models.find(({ manifest: { name } }) => name === 'flowers');
  expect(installed?.labels.map(({ label }) => label)).toEqual(['daisy', 'rose', 'tulip']);
});
