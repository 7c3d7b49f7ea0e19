// Detects the format of a file from its first bytes. Names and content types are not reliable.
import { otherFileKind } from './other-files.ts';
import type { ImageError } from './outcome.ts';
import { matches, type Signature } from './signatures.ts';

/** Supported formats. `raw` is camera raw that is no TIFF by its first bytes. HEIC needs a decoder that is installed extra. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'heic' | 'bmp' | 'raw';

type Sniffed =
  | { kind: 'image'; format: ImageFormat }
  /** Formats of images and documents that are never decoded. `name` is for error messages. */
  | { kind: 'unsupported'; name: string }
  | { kind: 'other'; name: string | undefined };

const supported: readonly (readonly [ImageFormat, ...Signature[]])[] = [
  ['jpeg', [0, '\xff\xd8\xff']],
  ['png', [0, '\x89PNG\r\n\x1a\n']],
  ['gif', [0, 'GIF87a']],
  ['gif', [0, 'GIF89a']],
  ['webp', [0, 'RIFF'], [8, 'WEBP']],
  ['tiff', [0, 'II*\0']],
  ['tiff', [0, 'MM\0*']],
  ['tiff', [0, 'II+\0']],
  ['tiff', [0, 'MM\0+']],
  // Olympus, Panasonic, Fujifilm.
  ['raw', [0, 'IIRO']],
  ['raw', [0, 'IIRS']],
  ['raw', [0, 'MMOR']],
  ['raw', [0, 'IIU\0']],
  ['raw', [0, 'FUJIFILMCCD-RAW']],
];

const unsupported: readonly (readonly [string, ...Signature[]])[] = [
  ['PDF', [0, '%PDF-']],
  ['JPEG XL', [0, '\xff\x0a']],
  ['JPEG XL', [0, '\0\0\0\x0cJXL ']],
  ['JPEG 2000', [0, '\0\0\0\x0cjP  ']],
  ['JPEG 2000', [0, '\xff\x4f\xff\x51']],
  ['Photoshop', [0, '8BPS']],
  ['Windows icon', [0, '\0\0\x01\0']],
  ['OpenEXR', [0, '\x76\x2f\x31\x01']],
  ['Radiance HDR', [0, '#?RADIANCE']],
  ['PostScript', [0, '%!PS']],
  ['QOI', [0, 'qoif']],
  ['DirectDraw surface', [0, 'DDS ']],
  ['macOS icon', [0, 'icns']],
  ['GIMP', [0, 'gimp xcf']],
  ['DjVu', [0, 'AT&TFORM']],
  ['FITS', [0, 'SIMPLE  =']],
  ['SGI image', [0, '\x01\xda']],
  ['PCX', [0, '\x0a\x05\x01']],
  ['PCX', [0, '\x0a\x03\x01']],
  ['PCX', [0, '\x0a\x02\x01']],
  ['XPM', [0, '/* XPM */']],
  ['BPG', [0, 'BPG\xfb']],
  ['FLIF', [0, 'FLIF']],
  ['Windows metafile', [0, '\xd7\xcd\xc6\x9a']],
  ['farbfeld', [0, 'farbfeld']],
  ['Apple PICT', [522, '\0\x11\x02\xff\x0c\0']],
];

/** Netpbm: bitmap, grey or colour, as text or bytes; and PAM. */
const PORTABLE_ANYMAP = /^P[1-7]\s/;

/** A TGA has no signature at its start: older ones are known by a header in which each field is possible. */
const TGA = {
  footer: 'TRUEVISION-XFILE.\0',
  headerBytes: 18,
  types: [1, 2, 3, 9, 10, 11],
  bits: [8, 15, 16, 24, 32],
};

/** Sizes of the header after a BMP's file header. "BM" alone also begins texts. */
const BMP_HEADERS = new Set([12, 16, 40, 52, 56, 64, 108, 124]);

/** An XML prolog, comments and a document type may come before the root element. */
const SVG_ROOT =
  /^(?:\s|<\?[^>]*\?>|<!--[\s\S]*?-->|<!DOCTYPE[^>[]*(?:\[[\s\S]*?\])?\s*>)*<(?:\w+:)?svg[\s>/]/i;
const SVG_PROBE_BYTES = 4096;

/** Detects the format. Reads only the first 4 KB. */
function sniff(bytes: Uint8Array): Sniffed {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, SVG_PROBE_BYTES));
  const has = (signature: Signature) => matches(head, signature);
  for (const [format, ...signatures] of supported) {
    if (signatures.every(has)) return { kind: 'image', format };
  }
  for (const [name, ...signatures] of unsupported) {
    if (signatures.every(has)) return { kind: 'unsupported', name };
  }
  if (has([4, 'ftyp'])) return isoMedia(head);
  if (has([0, 'BM']) && head.length >= 18 && BMP_HEADERS.has(head.readUInt32LE(14))) {
    return { kind: 'image', format: 'bmp' };
  }
  if (PORTABLE_ANYMAP.test(head.toString('latin1', 0, 3))) return { kind: 'unsupported', name: 'PPM' };
  if (isTga(bytes, head)) return { kind: 'unsupported', name: 'TGA' };
  return isSvg(head) ? { kind: 'unsupported', name: 'SVG' } : { kind: 'other', name: otherFileKind(head) };
}

/** The format of an image, or why the bytes cannot be decoded. */
export function imageFormatOf(bytes: Uint8Array): ImageFormat | ImageError {
  if (bytes.byteLength === 0) return { code: 'not_an_image', message: 'The file is empty.' };
  const sniffed = sniff(bytes);
  if (sniffed.kind === 'image') return sniffed.format;
  return sniffed.kind === 'unsupported'
    ? { code: 'unsupported_format', message: `The file is ${sniffed.name}, which is not supported.` }
    : { code: 'not_an_image', message: `The file is ${sniffed.name ?? 'of an unknown kind'}, not an image.` };
}

/** AVIF, HEIC and video share a container format. Its brands distinguish them. */
function isoMedia(head: Buffer): Sniffed {
  const end = Math.min(head.length, head.readUInt32BE(0));
  const brands: string[] = [];
  for (let at = 8; at + 4 <= end; at += 4) {
    // The four bytes after the major brand are its version.
    if (at !== 12) brands.push(head.toString('latin1', at, at + 4));
  }
  if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return { kind: 'image', format: 'avif' };
  if (brands.some((brand) => /^(hei|hev|mif1|msf1)/.test(brand))) return { kind: 'image', format: 'heic' };
  if (brands[0] === 'crx ') return { kind: 'image', format: 'raw' };
  return { kind: 'other', name: 'a video' };
}

function isTga(bytes: Uint8Array, head: Buffer): boolean {
  if (Buffer.from(bytes.subarray(-TGA.footer.length)).toString('latin1') === TGA.footer) return true;
  if (head.length < TGA.headerBytes) return false;
  const [hasPalette, type, bits] = [head[1] as number, head[2] as number, head[16] as number];
  const hasSize = head.readUInt16LE(12) > 0 && head.readUInt16LE(14) > 0;
  return hasPalette <= 1 && TGA.types.includes(type) && TGA.bits.includes(bits) && hasSize;
}

function isSvg(head: Buffer): boolean {
  const [first, second] = head;
  const utf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  // In either byte order, UTF-16 without its zero bytes reads as ASCII.
  const text = utf16 ? head.toString('latin1').replaceAll('\0', '').slice(2) : head.toString('utf8');
  return SVG_ROOT.test(text.replace(/^\uFEFF/, ''));
}
