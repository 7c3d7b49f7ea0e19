// A folder of an attacker: hostile images, hostile names, and special files.

import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import path from 'node:path';
import sharp from 'sharp';
import { heicFile } from '../heic-files/heif-writer.ts';
import {
  blackPng,
  bmp,
  compressedChunk,
  deflatedTiff,
  exifSegment,
  gif,
  greyTiffTags,
  heifSized,
  iccSegment,
  jpegSized,
  jpegWith,
  manyScansJpeg,
  pngChunk,
  pngWith,
  SIDE_AT_LIMIT,
  tiff,
} from './attack-images.ts';

/** Content, and the expected error code; undefined if it must get a label. */
type Attack = [content: Buffer | string, code?: string];

const GIBIBYTE = 2 ** 30;
const atLimit = { width: SIDE_AT_LIMIT, height: SIDE_AT_LIMIT };
const tiny = { width: 120, height: 120 };

/** Small files that need much memory or time. */
function bombs(photo: Photo): Record<string, Attack> {
  return {
    'png-huge.png': [blackPng({ width: 60_000, height: 60_000, depth: 1, rows: 10 }), 'too_large'],
    'png-largest.png': [blackPng({ width: 2 ** 31 - 1, height: 2 ** 31 - 1, rows: 0 }), 'truncated'],
    'png-at-limit.png': [blackPng({ ...atLimit, colour: 'rgba' })],
    'png-interlaced.png': [
      blackPng({ ...atLimit, colour: 'rgba', depth: 16, interlaced: true }),
      'too_large',
    ],
    'png-profile-bomb.png': [pngWith(compressedChunk.iCCP(GIBIBYTE))],
    'png-text-bomb.png': [pngWith(compressedChunk.zTXt(GIBIBYTE), compressedChunk.iTXt(GIBIBYTE))],
    'png-many-texts.png': [pngWith(...Array<Buffer>(20_000).fill(pngChunk('tEXt', Buffer.from('a\0b'))))],
    'jpeg-largest.jpg': [jpegSized(photo.jpeg, 65_500, 65_500), 'too_large'],
    'jpeg-many-scans.jpg': [manyScansJpeg({ side: SIDE_AT_LIMIT, scans: 3000 }), 'unsupported_format'],
    'jpeg-coefficients.jpg': [manyScansJpeg({ side: SIDE_AT_LIMIT, scans: 10 })],
    'gif-frames.gif': [gif({ ...tiny, frames: 50_000 })],
    'gif-screen.gif': [gif({ width: 65_535, height: 65_535, frames: 1 })],
    'tiff-at-limit.tif': [deflatedTiff(SIDE_AT_LIMIT)],
    'tiff-largest.tif': [tiff(greyTiffTags(0xffffffff, 0xffffffff)), 'truncated'],
    'avif-largest.avif': [heifSized(photo.avif, 65_535, 65_535), 'too_large'],
    'avif-memory.avif': [heifSized(photo.avif, 12_000, 12_000), 'too_large'],
    'heic-largest.heic': [heifSized(heicFile('photo.heic'), 65_535, 65_535), 'too_large'],
    'heic-small-file.heic': [heicFile('black.heic')],
    'bmp-largest.bmp': [bmp({ width: 0x7fffffff, height: -(2 ** 31) }), 'too_large'],
    'bmp-colours.bmp': [
      bmp({ width: 1, height: 1, colours: 5e6, body: Buffer.alloc(20_000_100) }),
      'truncated',
    ],
  };
}

/** Headers that contradict the data. */
async function liars(photo: Photo): Promise<Record<string, Attack>> {
  const loopingExif = tiff([[0x0112, 'short', [99]]], { next: 8 });
  const farExif = tiff([[0x8769, 'long', [0xfffffff0]]], { next: 0xfffffff0 });
  const strips = greyTiffTags(1, 9_000_000);
  return {
    'png-rows-missing.png': [blackPng({ ...atLimit, rows: 10 }), 'truncated'],
    'jpeg-without-size.jpg': [jpegSized(photo.jpeg, 0, 0), 'unsupported_format'],
    'exif-orientation-99.jpg': [jpegWith(photo.jpeg, exifSegment(loopingExif))],
    'exif-far-offsets.jpg': [jpegWith(photo.jpeg, exifSegment(farExif))],
    'exif-noise.jpg': [jpegWith(photo.jpeg, exifSegment(Buffer.alloc(60_000, 0xa5)))],
    'icc-noise.jpg': [jpegWith(photo.jpeg, iccSegment(1, 1, Buffer.alloc(5000, 0xa5)))],
    'icc-parts-missing.jpg': [
      jpegWith(photo.jpeg, iccSegment(7, 255, Buffer.alloc(100)), iccSegment(0, 0, Buffer.alloc(1))),
    ],
    'gif-without-trailer.gif': [gif({ ...tiny, frames: 1, trailer: false })],
    'tiff-circular.tif': [tiff(greyTiffTags(100, 100), { next: 8, data: Buffer.alloc(12_000) })],
    'tiff-strips.tif': [tiff(strips.map((tag) => (tag[0] === 278 ? [278, 'long', [1]] : tag))), 'truncated'],
    'tiff-without-pixels.tif': [tiff(greyTiffTags(100, 100)), 'truncated'],
    'bmp-negative.bmp': [bmp({ width: -5, height: 5, body: Buffer.alloc(800) }), 'truncated'],
    'bmp-offset.bmp': [
      bmp({ width: 9, height: 9, offset: 0xffffffff, body: Buffer.alloc(800) }),
      'truncated',
    ],
    'webp-animated.webp': [await animation(photo).webp({ effort: 0 }).toBuffer()],
    'tiff-pages.tif': [await animation(photo).tiff().toBuffer()],
  };
}

const SVG = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<svg xmlns="http://www.w3.org/2000/svg"><script>fetch("http://127.0.0.1:9/")</script><text>&x;</text></svg>`;

/** Other formats under the name of an image. */
function impostors(photo: Photo): Record<string, Attack> {
  return {
    'svg.jpg': [SVG, 'unsupported_format'],
    'pdf.jpg': [
      '%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj',
      'unsupported_format',
    ],
    'html.jpg': ['<html><body><script>alert(1)</script><svg/></body></html>', 'not_an_image'],
    'script.jpg': ['#!/bin/sh\ntouch executed\n', 'not_an_image'],
    'zip.jpg': ['PK\x03\x04 and so on', 'not_an_image'],
    'elf.jpg': [`\x7fELF${'\0'.repeat(60)}`, 'not_an_image'],
    'postscript.jpg': ['%!PS-Adobe-3.0 EPSF-3.0\n(executed) (w) file\n', 'unsupported_format'],
    'empty.jpg': ['', 'not_an_image'],
    'one-byte.jpg': ['\xff', 'not_an_image'],
    'zeros.jpg': [Buffer.alloc(100_000), 'not_an_image'],
    // A complete JPEG that is also a ZIP, with a script in a comment.
    'polyglot.jpg': [Buffer.concat([photo.jpeg, Buffer.from('PK\x03\x04<script>alert(1)</script>%PDF-1.7')])],
  };
}

/** Names for a valid image. A file system allows all bytes but `/` and NUL. */
export const hostileNames: readonly string[] = [
  'new\nline, 1.jpg',
  'return\rover.jpg',
  '\u001b]0;title\u0007\u001b[2J.jpg',
  '\u009b31mred.jpg',
  '\u202egpj.exe.jpg',
  '\u2066isolated.jpg',
  '=cmd()|calc.jpg',
  '=HYPERLINK("http:,x").jpg',
  '+1.jpg',
  '-rf.jpg',
  '--output=x.jpg',
  '@SUM(A1).jpg',
  '＝cmd().jpg',
  '\t=1.jpg',
  'a\\..\\..\\x.jpg',
  '․․⁄x.jpg',
  '%2e%2e%2fx.jpg',
  '$(touch executed).jpg',
  '`touch executed`; touch executed.jpg',
  '*.jpg',
  's3:bucket.jpg',
  '__proto__.jpg',
  `${'x'.repeat(251)}.jpg`,
];

interface Photo {
  jpeg: Buffer;
  avif: Buffer;
}

const animation = ({ jpeg }: Photo) => sharp([jpeg, jpeg, jpeg], { join: { animated: true } });

export interface AttackFolder {
  /** The expected error code by name; undefined for a label. */
  expected: Record<string, string | undefined>;
  /** Number of skipped entries by reason. */
  skipped: Record<string, number>;
  close(): void;
}

/** Writes all of them into `folder`, made from one photograph. Links out of it point to `outside`. */
export async function writeAttackFolder(
  { folder, outside }: { folder: string; outside: string },
  photograph: string,
): Promise<AttackFolder> {
  const small = sharp(photograph).resize(160, 120);
  const photo = {
    jpeg: await small.clone().jpeg().toBuffer(),
    avif: await small.clone().avif({ effort: 0 }).toBuffer(),
  };
  const attacks: Record<string, Attack> = {
    ...bombs(photo),
    ...(await liars(photo)),
    ...impostors(photo),
    ...Object.fromEntries(hostileNames.map((name): [string, Attack] => [name, [photo.jpeg]])),
    'folder.jpg/inside.jpg': [photo.jpeg],
  };
  await mkdir(path.join(folder, 'folder.jpg'), { recursive: true });
  for (const [name, [content]] of Object.entries(attacks)) {
    await writeFile(
      path.join(folder, name),
      typeof content === 'string' ? Buffer.from(content, 'latin1') : content,
    );
  }
  await writeOddFiles(folder, photo);
  await writeLinks({ folder, outside }, photo);
  const hasDevice = writePipes(folder);
  const server = await listen(path.join(folder, 'socket.jpg'));
  const codes = Object.entries(attacks).map(([name, [, code]]) => [name, code]);
  return {
    expected: { ...Object.fromEntries(codes), ...oddFileCodes, 'link-inside.jpg': undefined },
    skipped: {
      hidden: 2,
      'link to a target outside the folder': 5,
      'broken link': 2,
      'link to a target that is not a file': 1,
      'not a regular file': hasDevice ? 3 : 2,
    },
    close: () => void server.close(),
  };
}

const oddFileCodes: Record<string, string | undefined> = {
  'sparse.jpg': 'too_large',
  // Root can read everything.
  'forbidden.jpg': process.getuid?.() === 0 ? undefined : 'unreadable',
  'not-utf8-\ufffd.jpg': undefined,
};

async function writeOddFiles(folder: string, { jpeg }: Photo): Promise<void> {
  const at = (name: string) => path.join(folder, name);
  for (const hidden of ['.hidden.jpg', '..\\..\\x.jpg']) await writeFile(at(hidden), jpeg);
  await writeFile(at('forbidden.jpg'), jpeg, { mode: 0 });
  await writeFile(
    Buffer.concat([Buffer.from(at('not-utf8-')), Buffer.from([0xff]), Buffer.from('.jpg')]),
    jpeg,
  );
  const sparse = await open(at('sparse.jpg'), 'w');
  await sparse.truncate(8 * GIBIBYTE);
  await sparse.close();
}

async function writeLinks({ folder, outside }: { folder: string; outside: string }, { jpeg }: Photo) {
  await mkdir(outside, { recursive: true });
  await writeFile(path.join(outside, 'secret.jpg'), jpeg);
  const links: Record<string, string> = {
    'out.jpg': path.join(outside, 'secret.jpg'),
    'out-relative.jpg': `../${path.basename(outside)}/secret.jpg`,
    'out-folder.jpg': outside,
    'out-device.jpg': '/dev/zero',
    'out-process.jpg': '/proc/self/environ',
    'dangling.jpg': 'nowhere',
    'loop.jpg': 'loop.jpg',
    'to-folder.jpg': 'folder.jpg',
    'link-inside.jpg': 'gif-frames.gif',
  };
  for (const [name, target] of Object.entries(links)) await symlink(target, path.join(folder, name));
}

/** @returns whether the device was created too, which needs root. */
function writePipes(folder: string): boolean {
  execFileSync('mkfifo', [path.join(folder, 'pipe.jpg')]);
  const { status } = spawnSync('mknod', [path.join(folder, 'device.jpg'), 'c', '1', '5']);
  return status === 0;
}

async function listen(socket: string): Promise<Server> {
  const server = createServer();
  // The path of a socket must be short.
  server.listen(path.relative(process.cwd(), socket));
  await once(server, 'listening');
  return server;
}
