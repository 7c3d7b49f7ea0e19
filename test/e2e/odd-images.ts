import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { toBmp } from '../to-bmp.ts';

/** What a folder of strangers may hold, by name, with the code that each must get; undefined where it is classified. */
export const oddImages: Record<string, string | undefined> = {
  'animated.gif': undefined,
  'bitmap.bmp': undefined,
  'cmyk.jpg': undefined,
  'deep.png': undefined,
  'empty.jpg': 'not_an_image',
  'huge.png': 'too_large',
  'line\nbreak "quoted" 🐈.jpg': undefined,
  'text.jpg': 'not_an_image',
  'truncated.jpg': 'truncated',
};

/** Writes them all, made from one real photograph. */
export async function writeOddImages(folder: string, photograph: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const photo = sharp(photograph).resize(320, 240);
  const jpeg = await photo.clone().jpeg().toBuffer();
  const frame = await photo.clone().raw().toBuffer();
  const frames = Buffer.concat([frame, frame.map((value) => 255 - value)]);
  const content: Record<string, Buffer | string> = {
    'animated.gif': await sharp(frames, { raw: { width: 320, height: 480, channels: 3, pageHeight: 240 } })
      .gif({ delay: [100, 100] })
      .toBuffer(),
    'bitmap.bmp': await toBmp(sharp(jpeg)),
    'cmyk.jpg': await photo.clone().toColourspace('cmyk').jpeg().toBuffer(),
    'deep.png': await photo.clone().toColourspace('rgb16').png().toBuffer(),
    'empty.jpg': '',
    'huge.png': hugePng(),
    'line\nbreak "quoted" 🐈.jpg': jpeg,
    'text.jpg': 'This is a text file that somebody renamed.\n',
    'truncated.jpg': jpeg.subarray(0, Math.floor(jpeg.byteLength / 3)),
  };
  for (const [name, bytes] of Object.entries(content)) await writeFile(path.join(folder, name), bytes);
}

/** A real PNG of 60,000 x 60,000 black pixels, one bit each: small as a file, 3,600 million pixels once decoded. */
function hugePng(): Buffer {
  const side = 60_000;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header[8] = 1;
  const rows = deflateSync(Buffer.alloc((1 + Math.ceil(side / 8)) * side));
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', rows),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const framed = Buffer.alloc(8 + body.byteLength);
  framed.writeUInt32BE(data.byteLength, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), 4 + body.byteLength);
  return framed;
}
