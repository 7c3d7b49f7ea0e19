import bmp from '@jimp/js-bmp';
import { createJimp } from 'jimp';
import type { Sharp } from 'sharp';

const Jimp = createJimp({ formats: [bmp] });

/** sharp cannot write BMP. */
export async function toBmp(image: Sharp): Promise<Buffer> {
  const { data, info } = await image.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return await new Jimp({ data, width: info.width, height: info.height }).getBuffer('image/bmp');
}
