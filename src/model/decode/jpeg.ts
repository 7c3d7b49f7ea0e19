// Counts the scans of a JPEG. No library reports their number before it has decoded them.

import { DecodeError } from './decode-error.ts';

/**
 * Each scan costs a pass over all pixels for a few bytes of the file: 900 KB can take minutes, and libjpeg cannot be
 * interrupted. The reference encoder writes at most 100 scans, and encoders in use at most 20.
 */
const MAX_SCANS = 100;

const MARKER = { temporary: 0x01, restart: [0xd0, 0xd7], start: 0xd8, end: 0xd9, scan: 0xda } as const;

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
