// Reads the segments of a JPEG: its size, and its number of scans. No library reports the latter before it has decoded them.

import { DecodeError } from './decode-error.ts';

/**
 * Each scan costs a pass over all pixels for a few bytes of the file: 900 KB can take minutes, and libjpeg cannot be
 * interrupted. The reference encoder writes at most 100 scans, and encoders in use at most 20.
 */
const MAX_SCANS = 100;

const MARKER = {
  temporary: 0x01,
  restart: [0xd0, 0xd7],
  start: 0xd8,
  end: 0xd9,
  scan: 0xda,
  app1: 0xe1,
  app2: 0xe2,
} as const;

export interface JpegFrame {
  width: number;
  height: number;
  /** Samples a pixel. */
  components: number;
  bits: number;
  isLossless: boolean;
}

/** Segments before the pixels. Profiles and previews of 64 KB each take up to a few hundred. */
const MAX_SEGMENTS = 1000;

/** The frame of the JPEG that begins at this offset; undefined if there is none. */
export function jpegFrameAt(bytes: Uint8Array, start: number): JpegFrame | undefined {
  for (const segment of segmentsBeforePixels(bytes, start)) {
    const frame = frameOf(segment);
    if (frame !== undefined) return frame;
  }
  return undefined;
}

/** What stands before the pixels of a JPEG. */
export interface JpegHeader {
  frame: JpegFrame | undefined;
  /** TIFF structures. Decoders differ in which one they take of several. */
  exif: Buffer[];
  /** Parts of the colour profile, each with its number and how many there are. */
  profile: Buffer[];
}

const EXIF = Buffer.from('Exif\0\0');
const PROFILE = Buffer.from('ICC_PROFILE\0');

export function jpegHeader(bytes: Uint8Array): JpegHeader {
  const header: JpegHeader = { frame: undefined, exif: [], profile: [] };
  for (const segment of segmentsBeforePixels(bytes, 0)) {
    const { code, data } = segment;
    if (code === MARKER.app1 && startsWith(data, EXIF)) header.exif.push(data.subarray(EXIF.length));
    if (code === MARKER.app2 && startsWith(data, PROFILE)) header.profile.push(data.subarray(PROFILE.length));
    header.frame ??= frameOf(segment);
  }
  return header;
}

const startsWith = (data: Buffer, text: Buffer): boolean => data.subarray(0, text.length).equals(text);

interface Segment {
  code: number;
  /** Without its length. */
  data: Buffer;
}

function* segmentsBeforePixels(bytes: Uint8Array, start: number): Generator<Segment> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start + 2;
  for (let segment = 0; segment < MAX_SEGMENTS && at + 4 <= file.length && file[at] === 0xff; segment++) {
    const code = file[at + 1] as number;
    if (code === MARKER.scan || code === MARKER.end) return;
    if (code === 0xff) {
      at += 1;
      continue;
    }
    const end = afterSegment(file, at + 1);
    yield { code, data: file.subarray(at + 4, end) };
    at = end;
  }
}

const FRAME_BYTES = 6;

function frameOf({ code, data }: Segment): JpegFrame | undefined {
  if (!isFrame(code) || data.length < FRAME_BYTES) return undefined;
  return {
    bits: data.readUInt8(0),
    height: data.readUInt16BE(1),
    width: data.readUInt16BE(3),
    components: data.readUInt8(5),
    isLossless: (code & 3) === 3,
  };
}

/**
 * Whether the pixels are complete only after the last scan: then the decoder needs all of them in memory.
 * @throws {DecodeError} if there are more scans than any encoder writes.
 */
export function hasSeveralPasses(bytes: Uint8Array): boolean {
  let components = 0;
  let isProgressive = false;
  let scans = 0;
  for (let at = markerFrom(bytes, 2); at > 0; at = markerFrom(bytes, afterSegment(bytes, at))) {
    const code = bytes[at] as number;
    if (code === MARKER.end) break;
    if (isFrame(code)) {
      components = bytes[at + 8] ?? 0;
      isProgressive = (code & 3) === 2;
    }
    if (code !== MARKER.scan) continue;
    if (!isProgressive && bytes[at + 3] === components) return false;
    if (++scans > MAX_SCANS) {
      throw new DecodeError(
        'unsupported_format',
        `JPEGs with more than ${MAX_SCANS} scans are not supported.`,
      );
    }
  }
  return true;
}

/** Offset of the next marker's code; 0 if there is none. Coded pixels contain no markers except restarts. */
function markerFrom(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const code = bytes[at + 1] ?? 0;
    const isRestart = code >= MARKER.restart[0] && code <= MARKER.restart[1];
    if (code > MARKER.temporary && code < 0xff && !isRestart) return at + 1;
  }
  return 0;
}

function afterSegment(bytes: Uint8Array, at: number): number {
  if (bytes[at] === MARKER.start) return at + 1;
  return at + 1 + Math.max(2, ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0));
}

/** Start of a frame: C0 to CF, without tables (C4, CC) and the extension (C8). */
const isFrame = (code: number) => code >= 0xc0 && code <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(code);
