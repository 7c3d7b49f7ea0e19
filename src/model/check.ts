// Does a model folder do what it says?

import { join } from 'node:path';
import { ImgclsError } from '../core/runtime/errors.ts';
import { checkWeights, readModelFolder, WEIGHTS_FILE } from './folder.ts';
import { imageElements } from './preprocess.ts';
import { openSession } from './session.ts';

/**
 * Checks the weights' sha256, loads them and runs them on one made-up image.
 * @throws {ImgclsError} of kind `permanent` that says what is wrong.
 */
export async function checkModel(dir: string, signal?: AbortSignal): Promise<void> {
  const { manifest, labels } = await readModelFolder(dir);
  await checkWeights(dir, manifest.sha256, signal);
  const session = await openSession(join(dir, WEIGHTS_FILE));
  try {
    const { cropSize } = manifest.preprocess;
    const shape = manifest.input.layout === 'NCHW' ? [3, cropSize, cropSize] : [cropSize, cropSize, 3];
    const output = await session.run(testImage(imageElements(manifest.preprocess)), 1, shape);
    if (output.length !== labels.length || !output.every(Number.isFinite)) {
      throw new ImgclsError(
        'permanent',
        `The model in ${dir} gives ${output.length} numbers for ${labels.length} classes, or some that are not finite.`,
      );
    }
  } finally {
    await session.dispose();
  }
}

/** A smooth pattern between -1 and 1: something, so that no model answers with the same number for every class. */
export function testImage(elements: number): Float32Array {
  return Float32Array.from({ length: elements }, (_, index) => Math.sin(index / 97));
}
