// Keeps the temperature of a calibrated model in its model.json.

import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_FILE, WEIGHTS_FILE } from './folder.ts';
import { installModel } from './install.ts';
import type { LibraryModel, ModelLibrary } from './library.ts';

/** The bundled model belongs to the product: a calibrated copy is installed, which replaces it. @returns the folder. */
export async function keepTemperature(
  { modelsDir }: Pick<ModelLibrary, 'modelsDir'>,
  { manifest, labels, dir, bundled }: LibraryModel,
  temperature: number,
): Promise<string> {
  const calibrated = { ...manifest, temperature };
  if (bundled) {
    const weights = { path: join(dir, WEIGHTS_FILE), move: false };
    return await installModel(modelsDir, { manifest: calibrated, labels, weights });
  }
  const draft = join(dir, `.${MANIFEST_FILE}`);
  await writeFile(draft, `${JSON.stringify(calibrated, null, 2)}\n`);
  await rename(draft, join(dir, MANIFEST_FILE));
  return dir;
}
