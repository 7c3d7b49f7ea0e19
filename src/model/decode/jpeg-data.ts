// Finds damage inside a JPEG whose rows are all there. Its data has no checksum: after a wrong bit the decoder reads other
// colours and goes on. Only at the end it has bytes left over, or too few.

import sharp, { type FailOnOptions, type Sharp } from 'sharp';
import { hasSeveralPasses, type JpegFrame, jpegFrameAt } from './jpeg.ts';

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
  await image?.toBuffer();
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
  const seconds = Math.min(3600, Math.ceil(timeoutMs / 1000));
  return sharp(asTiff(bytes, frame), { failOn }).resize(1, 1, { fit: 'fill' }).timeout({ seconds }).raw();
}

/** Whether a remark says that data is wrong, not only that an encoder was careless. */
export function isAboutDamage(remark: string): boolean {
  const leftOver = LEFT_OVER.exec(remark)?.[1];
  return leftOver === undefined ? remark.includes('Corrupt JPEG data') : Number(leftOver) > MAX_PADDING_BYTES;
}

const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8;

const isCheckable = ({ width, height, bits, components }: JpegFrame): boolean =>
  width * height <= MAX_PIXELS && bits === 8 && (components === 1 || components === 3);

const [SHORT, LONG] = [3, 4];
const HEADER_BYTES = 8;
const ENTRY_BYTES = 12;

/** A TIFF whose only strip is the JPEG. */
function asTiff(jpeg: Uint8Array, { width, height, components }: JpegFrame): Buffer {
  const entries: (readonly [tag: number, type: number, value: number])[] = [
    [256, LONG, width],
    [257, LONG, height],
    [258, SHORT, 8],
    // JPEG, and grey or YCbCr.
    [259, SHORT, 7],
    [262, SHORT, components === 1 ? 1 : 6],
    [273, LONG, 0],
    [277, SHORT, components],
    [278, LONG, height],
    [279, LONG, jpeg.byteLength],
  ];
  const head = Buffer.alloc(HEADER_BYTES + 2 + ENTRY_BYTES * entries.length + 4);
  head.write('II*\0', 'latin1');
  head.writeUInt32LE(HEADER_BYTES, 4);
  head.writeUInt16LE(entries.length, HEADER_BYTES);
  for (const [index, [tag, type, value]] of entries.entries()) {
    const at = HEADER_BYTES + 2 + ENTRY_BYTES * index;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(1, at + 4);
    head.writeUInt32LE(tag === 273 ? head.length : value, at + 8);
  }
  return Buffer.concat([head, jpeg]);
}
