// Finds damage inside a JPEG whose rows are all there. Its data has no checksum: after a wrong bit the decoder reads other
// colours and goes on. Only at the end it has bytes left over, or too few.

import sharp, { type FailOnOptions, type Sharp } from 'sharp';
import { hasSeveralPasses, type JpegFrame, jpegFrameAt } from './jpeg.ts';
import { tiffHeader } from './tiff-writer.ts';
import { timeLimit } from './time-limit.ts';

/** The check holds the whole image in memory. Larger ones are not checked. */
const MAX_PIXELS = 30_000_000;
/** Some encoders pad the data. */
const MAX_PADDING_BYTES = 64;

const LEFT_OVER = /Corrupt JPEG data: (\d+) extraneous bytes before marker 0xd9/;

/** Whether a decoder reads the data of a JPEG to its end without a remark. Also true for what cannot be checked. */
export async function readsCleanly(bytes: Uint8Array, timeoutMs: number): Promise<boolean> {
  const image = dataReader(bytes, 'warning', timeoutMs);
  return (
    image === undefined ||
    (await image.toBuffer().then(
      () => true,
      () => false,
    ))
  );
}

/** What the decoder remarks on the data of a JPEG. Call it only while nothing else is decoded: all share one list. */
export async function remarksOnData(bytes: Uint8Array, timeoutMs: number): Promise<string[]> {
  const remarks: string[] = [];
  const image = dataReader(bytes, 'none', timeoutMs)?.on('warning', (remark: string) => remarks.push(remark));
  // What was remarked before an error or the time limit counts. The image has its labels, with or without this check.
  await image?.toBuffer().catch(() => {});
  return remarks;
}

/**
 * libvips stops at the last row and does not look at what follows. For the JPEG in a TIFF libtiff does, so the bytes are
 * handed over as one. Undefined for a file that is no baseline JPEG.
 * @param timeoutMs rounded up to whole seconds
 */
function dataReader(bytes: Uint8Array, failOn: FailOnOptions, timeoutMs: number): Sharp | undefined {
  const frame = isJpeg(bytes) ? jpegFrameAt(bytes, 0) : undefined;
  if (frame === undefined || !isCheckable(frame) || hasSeveralPasses(bytes)) return undefined;
  return sharp(asTiff(bytes, frame), { failOn })
    .resize(1, 1, { fit: 'fill' })
    .timeout(timeLimit(timeoutMs))
    .raw();
}

/** Whether a remark says that data is wrong, not only that an encoder was careless. */
export function isAboutDamage(remark: string): boolean {
  const leftOver = LEFT_OVER.exec(remark)?.[1];
  return leftOver === undefined ? remark.includes('Corrupt JPEG data') : Number(leftOver) > MAX_PADDING_BYTES;
}

const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8;

const isCheckable = ({ width, height, bits, components }: JpegFrame): boolean =>
  width * height <= MAX_PIXELS && bits === 8 && (components === 1 || components === 3);

/** A TIFF whose only strip is the JPEG. */
function asTiff(jpeg: Uint8Array, { width, height, components }: JpegFrame): Buffer {
  const header = tiffHeader((dataAt) => [
    [256, 'long', [width]],
    [257, 'long', [height]],
    [258, 'short', [8]],
    // JPEG, and grey or YCbCr.
    [259, 'short', [7]],
    [262, 'short', [components === 1 ? 1 : 6]],
    [273, 'long', [dataAt]],
    [277, 'short', [components]],
    [278, 'long', [height]],
    [279, 'long', [jpeg.byteLength]],
  ]);
  return Buffer.concat([header, jpeg]);
}
