// Makes a runner fast before the first images arrive. WebAssembly and JavaScript that ran often are compiled again, better: without
// this the first ten photographs of each runner take three times as long to decode.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Classifier } from './classifier.ts';

/** More make no difference. They take a tenth of a second. */
const RUNS = 5;

/** Classifies a made-up photograph several times. @param isWanted asked before each run: images of a job do not wait for it. */
export async function warmUp(classifier: Classifier, isWanted: () => boolean): Promise<void> {
  let photograph: Uint8Array | undefined;
  for (let runs = 0; runs < RUNS; runs++) {
    await nextTurn();
    if (!isWanted()) return;
    photograph ??= await madeUpPhotograph();
    await classifier.classify([photograph], 1);
  }
}

/** As detailed as a photograph of 100 KB. */
async function madeUpPhotograph(): Promise<Uint8Array> {
  // With its settings, and for the first image that is no plain JPEG.
  await import('./decode/libvips.ts');
  const { default: sharp } = await import('sharp');
  const noise = { type: 'gaussian', mean: 128, sigma: 30 } as const;
  return await sharp({ create: { width: 500, height: 375, channels: 3, background: '#000', noise } })
    .jpeg()
    .toBuffer();
}
