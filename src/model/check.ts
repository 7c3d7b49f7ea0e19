// Checks that an installed model works.

import { join } from 'node:path';
import { ImgclsError } from '../core/runtime/errors.ts';
import { checkWeights, readModelFolder, WEIGHTS_FILE } from './folder.ts';
import { precisionOf } from './onnx/precision.ts';
import { imageElements } from './preprocess.ts';
import { openSession } from './session.ts';

/**
 * Checks the sha256 of the weights, loads them and runs them on one synthetic image.
 * @throws {ImgclsError} of kind `permanent` that names the problem.
 */
export async function checkModel(dir: string, signal?: AbortSignal): Promise<void> {
  const { manifest, labels } = await readModelFolder(dir);
  await checkWeights(dir, manifest.sha256, signal);
  const { variant } = precisionOf(join(dir, WEIGHTS_FILE), join(dir, WEIGHTS_FILE));
  if (variant !== manifest.variant)
    throw new ImgclsError(
      'permanent',
      `The model in ${dir} is called ${manifest.variant}, but its weights are ${variant}.`,
      {
        hint: 'Remove the model, then import it again.',
      },
    );
  const session = await openSession(join(dir, WEIGHTS_FILE));
  try {
    const { cropSize } = manifest.preprocess;
    const shape = manifest.input.layout === 'NCHW' ? [3, cropSize, cropSize] : [cropSize, cropSize, 3];
    const { zeroShot } = manifest;
    const image = testImage(imageElements(manifest.preprocess));
    const output = await session.run(image, 1, shape, manifest.output.name);
    if (output.length !== (zeroShot?.length ?? labels.length) || !output.every(Number.isFinite)) {
      throw new ImgclsError(
        'permanent',
        `The model in ${dir} returned ${output.length} numbers for ${labels.length} classes, or numbers that are not finite.`,
        { hint: 'Remove the model, then pull or import it again.' },
      );
    }
  } finally {
    await session.dispose();
  }
}

/** A smooth pattern between -1 and 1. For a blank image a model could return the same number for every class. */
export function testImage(elements: number): Float32Array {
  return Float32Array.from({ length: elements }, (_, index) => Math.sin(index / 97));
}
