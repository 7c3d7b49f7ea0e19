// Reads the boxes of ISO base media files (HEIC, AVIF, camera raw of Canon). Files may be damaged or hostile.

import { DecodeError } from './decode-error.ts';

/** A part of a file. */
export interface Span {
  from: number;
  /** Exclusive. */
  to: number;
}

/** A box, whose content is from `from` to `to`. */
export interface Box extends Span {
  type: string;
  /** Where the box begins, with its size and type. */
  start: number;
}

/** Real files have a few hundred boxes side by side. A file of 64 MiB could have 8 million, which take seconds. */
const MAX_SIBLINGS = 100_000;

const SMALL_HEADER = 8;
const LARGE_HEADER = 16;
/** Sizes with a special meaning. */
const SIZE_TO_END = 0;
const SIZE_OF_64_BITS = 1;

/**
 * Lists the boxes side by side in a part of a file. One that is cut off ends with the part.
 * @throws {DecodeError} if there are too many.
 */
export function* boxes(bytes: Buffer, within: Span = { from: 0, to: bytes.length }): Generator<Box> {
  const end = Math.min(within.to, bytes.length);
  let at = within.from;
  for (let count = 0; at + SMALL_HEADER <= end; count++) {
    if (count === MAX_SIBLINGS)
      throw new DecodeError('truncated', `The file is damaged: it has more than ${MAX_SIBLINGS} boxes.`);
    const size32 = bytes.readUInt32BE(at);
    const isLarge = size32 === SIZE_OF_64_BITS;
    const header = isLarge ? LARGE_HEADER : SMALL_HEADER;
    if (at + header > end) return;
    const size = isLarge ? Number(bytes.readBigUInt64BE(at + 8)) : size32;
    const to = size === SIZE_TO_END ? end : Math.min(at + size, end);
    if (to < at + header) return;
    yield { type: bytes.toString('latin1', at + 4, at + 8), start: at, from: at + header, to };
    at = to;
  }
}

/** The first box of a type in a part of a file. */
export function firstBox(bytes: Buffer, type: string, within?: Span): Box | undefined {
  for (const box of boxes(bytes, within)) if (box.type === type) return box;
  return undefined;
}

/** Reads the numbers of a box one after the other. */
export class BoxReader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #to: number;

  constructor(bytes: Buffer, { from, to }: Span) {
    this.#bytes = bytes;
    this.#at = from;
    this.#to = to;
  }

  /** The part that is not read yet. */
  get rest(): Span {
    return { from: this.#at, to: this.#to };
  }

  /** The next unsigned number. @throws {DecodeError} at the end of the box. */
  uint(size: 1 | 2 | 4): number {
    const at = this.#at;
    if (at + size > this.#to)
      throw new DecodeError('truncated', 'A box in the header of the file is cut off.');
    this.#at += size;
    return this.#bytes.readUIntBE(at, size);
  }

  /** The next four characters. */
  fourCharacters(): string {
    const code = this.uint(4);
    return String.fromCharCode(code >>> 24, (code >> 16) & 255, (code >> 8) & 255, code & 255);
  }

  /** The version of a full box, which is at its beginning, and its flags. */
  versionAndFlags(): { version: number; flags: number } {
    const both = this.uint(4);
    return { version: both >>> 24, flags: both & 0xffffff };
  }
}
