const LOGICAL_SCREEN_BYTES = 13;
const IMAGE_DESCRIPTOR_BYTES = 10;
const EXTENSION = 0x21;
const IMAGE = 0x2c;
const TRAILER = Buffer.of(0x3b);

/** The GIF up to its first images; undefined if no further one follows them, or if one of them is not whole. */
export function firstFramesOfGif(file: Buffer, count: number): Buffer | undefined {
  let at = LOGICAL_SCREEN_BYTES + colourTableBytes(file[10]);
  for (let frame = 0; frame < count; frame++) {
    // An extension: introducer, label, data.
    while (file[at] === EXTENSION) at = afterSubBlocks(file, at + 2);
    if (file[at] !== IMAGE) return undefined;
    const minimumCodeSize = at + IMAGE_DESCRIPTOR_BYTES + colourTableBytes(file[at + 9]);
    at = afterSubBlocks(file, minimumCodeSize + 1);
  }
  // Up to the trailer itself.
  return at + TRAILER.length < file.length ? Buffer.concat([file.subarray(0, at), TRAILER]) : undefined;
}

/** The flags of a screen or an image tell whether a table of 2 to 256 colours follows. */
const colourTableBytes = (flags = 0): number => ((flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1));

/** Blocks of up to 255 bytes, each after its length, until an empty one. @returns the end of the file if there is none. */
function afterSubBlocks(file: Buffer, from: number): number {
  let at = from;
  for (let length = file[at]; length !== undefined; length = file[at]) {
    at += 1 + length;
    if (length === 0) return at;
  }
  return file.length;
}
