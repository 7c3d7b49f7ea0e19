// Images of many frames, each of them of a few bytes. They are as long as libraries take to walk them.

const u16le = (value: number) => Buffer.of(value & 255, value >> 8);
const u32le = (value: number) => Buffer.concat([u16le(value & 0xffff), u16le(value >>> 16)]);
const u16 = (value: number) => u16le(value).reverse();
const u32 = (value: number) => u32le(value).reverse();

/** A lossless WebP of one pixel, without its RIFF header. */
const WEBP_PIXEL = Buffer.from('5650384c0f0000002f000000000710fd8ffe0722a2ff0100', 'hex');

/** A chunk of a WebP. */
export const webpChunk = (type: string, ...content: Buffer[]): Buffer => {
  const data = Buffer.concat(content);
  return Buffer.concat([Buffer.from(type), u32le(data.length), data, Buffer.alloc(data.length & 1)]);
};

/** A frame of one pixel. */
export const webpFrame = (...after: Buffer[]): Buffer =>
  webpChunk('ANMF', Buffer.alloc(16), WEBP_PIXEL, ...after);

/** An animated WebP of one pixel. */
export function animatedWebp(frames: readonly Buffer[]): Buffer {
  const canvas = webpChunk('VP8X', Buffer.of(2, 0, 0, 0), Buffer.alloc(6));
  const content = Buffer.concat([canvas, webpChunk('ANIM', Buffer.alloc(6)), ...frames]);
  return webpChunk('RIFF', Buffer.from('WEBP'), content);
}

const PAGE_TAGS = [256, 1, 257, 1, 258, 8, 259, 1, 262, 1, 273, 8, 277, 1, 278, 1, 279, 1];
const PAGE_BYTES = 2 + 6 * PAGE_TAGS.length + 4;

/** A TIFF of grey pages of one pixel. */
export function manyPages(pages: number): Buffer {
  const tags: Buffer[] = [];
  for (let at = 0; at < PAGE_TAGS.length; at += 2)
    tags.push(u16le(PAGE_TAGS[at] ?? 0), u16le(3), u32le(1), u32le(PAGE_TAGS[at + 1] ?? 0));
  const page = Buffer.concat([u16le(PAGE_TAGS.length / 2), ...tags, u32le(0)]);
  const first = 12;
  const file = Buffer.alloc(first + pages * PAGE_BYTES, page);
  Buffer.concat([Buffer.from('II*\0'), u32le(first), Buffer.alloc(4, 200)]).copy(file);
  for (let at = 0, from = first; at < pages; at++, from += PAGE_BYTES) {
    page.copy(file, from);
    if (at + 1 < pages) file.writeUInt32LE(from + PAGE_BYTES, from + PAGE_BYTES - 4);
  }
  return file;
}

const box = (type: string, ...content: Buffer[]): Buffer => {
  const data = Buffer.concat(content);
  return Buffer.concat([u32(8 + data.length), Buffer.from(type), data]);
};
const fullBox = (type: string, ...content: Buffer[]): Buffer => box(type, u32(0), ...content);
const table = (type: string, rows: number, row: Buffer): Buffer =>
  fullBox(type, u32(rows), Buffer.alloc(rows * row.length, row));

/** The AVIF with a movie beside its image: so many frames, each of which is that image. */
export function avifSequence(avif: Buffer, frames: number): Buffer {
  const at = avif.indexOf('av1C') - 4;
  const decoder = avif.subarray(at, at + avif.readUInt32BE(at));
  const pixels = avif.indexOf('mdat') + 4;
  const size = Buffer.concat([u16(64), u16(64), u32(0x480000), u32(0x480000)]);
  const entry = box('av01', Buffer.alloc(6), u16(1), Buffer.alloc(16), size, Buffer.alloc(42), decoder);
  const samples = box(
    'stbl',
    fullBox('stsd', u32(1), entry),
    table('stts', frames, Buffer.concat([u32(1), u32(1)])),
    fullBox('stsc', u32(1), u32(1), u32(1), u32(1)),
    fullBox('stsz', u32(avif.length - pixels), u32(frames)),
    table('stco', frames, u32(pixels)),
  );
  const media = box(
    'mdia',
    fullBox('mdhd', u32(0), u32(0), u32(1000), u32(frames), u32(0)),
    fullBox('hdlr', u32(0), Buffer.from('pict'), Buffer.alloc(13)),
    box('minf', fullBox('vmhd', u32(0), u32(0)), box('dinf', table('dref', 1, fullBox('url '))), samples),
  );
  const track = fullBox('tkhd', u32(0), u32(0), u32(1), u32(0), u32(frames), Buffer.alloc(60));
  const movie = fullBox('mvhd', u32(0), u32(0), u32(1000), u32(frames), Buffer.alloc(80));
  return Buffer.concat([avif, box('moov', movie, box('trak', track, media))]);
}
