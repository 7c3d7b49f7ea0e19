import { describe, expect, it } from 'vitest';
import { decodeBmp } from '../../../src/model/decode/bmp.ts';

interface Bmp {
  headerBytes?: number;
  bits: number;
  compression?: number;
  /** Red, green, blue, alpha. */
  masks?: number[];
  palette?: Buffer;
  gap?: number;
  /** Two rows of two pixels, from the bottom. */
  pixels: Buffer;
}

function bmp({ headerBytes = 40, bits, compression = 0, masks = [], palette, gap = 0, pixels }: Bmp): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt32LE(headerBytes);
  header.writeInt32LE(2, 4);
  header.writeInt32LE(2, 8);
  header.writeUInt16LE(1, 12);
  header.writeUInt16LE(bits, 14);
  header.writeUInt32LE(compression, 16);
  header.writeUInt32LE((palette?.length ?? 0) / 4, 32);
  const maskBytes = Buffer.from(Uint32Array.from(masks).buffer);
  if (headerBytes > 40) maskBytes.copy(header, 40);
  const parts = [
    header,
    headerBytes > 40 ? Buffer.alloc(0) : maskBytes,
    palette ?? Buffer.alloc(0),
    Buffer.alloc(gap, 99),
  ];
  const head = Buffer.concat(parts);
  const file = Buffer.alloc(14);
  file.write('BM', 'latin1');
  file.writeUInt32LE(14 + head.length, 10);
  return Buffer.concat([file, head, pixels]);
}

/** Of the bottom left pixel. */
async function firstColour(bytes: Buffer): Promise<number[]> {
  const { data, width, height } = await decodeBmp(bytes, 1e6);
  expect([width, height, data.length]).toEqual([2, 2, 12]);
  return [...data.subarray(6, 9)];
}

const RED = [255, 0, 0];
/** Blue, green, red, alpha. */
const pixels32 = (...bytes: number[]) => Buffer.concat(Array(4).fill(Buffer.from(bytes)));

describe('a BMP', () => {
  it('has its colours, whatever is between the palette and the pixels', async () => {
    const palette = Buffer.from([0, 0, 255, 0, 255, 0, 0, 0]);
    const pixels = Buffer.from([0, 1, 0, 0, 1, 0, 0, 0]);
    for (const gap of [0, 2, 100])
      expect(await firstColour(bmp({ bits: 8, palette, gap, pixels }))).toEqual(RED);
  });

  it('has its colours if its header has room for masks and no masks', async () => {
    for (const headerBytes of [108, 124])
      expect(await firstColour(bmp({ headerBytes, bits: 32, pixels: pixels32(0, 0, 255, 0) }))).toEqual(RED);
  });

  it('has its colours by masks', async () => {
    const masks = [0xff, 0xff00, 0xff0000, 0];
    for (const headerBytes of [40, 124])
      expect(
        await firstColour(
          bmp({ headerBytes, bits: 32, compression: 3, masks, pixels: pixels32(255, 0, 0, 0) }),
        ),
      ).toEqual(RED);
  });

  it('is laid on white where it is transparent, unless all of it is', async () => {
    const masks = [0xff0000, 0xff00, 0xff, 0xff000000];
    const options = { headerBytes: 124, bits: 32, compression: 3, masks };
    const first = (...bytes: number[]) =>
      Buffer.concat([Buffer.from(bytes), pixels32(9, 9, 9, 255).subarray(4)]);
    expect(await firstColour(bmp({ ...options, pixels: first(0, 0, 255, 0) }))).toEqual([255, 255, 255]);
    expect(await firstColour(bmp({ ...options, pixels: first(0, 0, 255, 255) }))).toEqual(RED);
    expect(await firstColour(bmp({ ...options, pixels: pixels32(0, 0, 255, 0) }))).toEqual(RED);
  });

  it.each([
    ['masks of colours', { bits: 32, compression: 3, masks: [0xff000000, 0xff0000, 0xff00, 0xff] }],
    ['Compressed', { bits: 8, compression: 1 }],
    ['OS/2', { bits: 24, headerBytes: 64 }],
    ['2 bits', { bits: 2 }],
  ])('of a kind that would be shown wrongly is refused: %s', async (words, options) => {
    const decoding = decodeBmp(bmp({ ...options, pixels: pixels32(0, 0, 0, 0) }), 1e6);
    await expect(decoding).rejects.toMatchObject({ code: 'unsupported_format' });
    await expect(decoding).rejects.toThrow(words);
  });
});
