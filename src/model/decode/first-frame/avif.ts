const BOX_HEADER_BYTES = 8;
const LONG_HEADER_BYTES = 16;
/** Sizes that are none: the box reaches to the end of the file, or its size follows as 64 bits. */
const TO_END = 0;
const IS_LONG = 1;

/**
 * The AVIF without the movie beside its image; undefined if it has none. libheif reads the tables of all frames of a movie.
 * The box keeps its place, as others refer to offsets in the file.
 */
export function stillOfAvif(file: Buffer): Buffer | undefined {
  let still: Buffer | undefined;
  for (const { type, start } of boxesOf(file)) {
    if (type !== 'moov') continue;
    still ??= Buffer.from(file);
    still.write('free', start + 4, 'latin1');
  }
  return still;
}

function* boxesOf(file: Buffer): Generator<{ type: string; start: number }> {
  for (let start = 0; start + BOX_HEADER_BYTES <= file.length; ) {
    yield { type: file.toString('latin1', start + 4, start + 8), start };
    const bytes = boxBytes(file, start);
    if (bytes < BOX_HEADER_BYTES) return;
    start += bytes;
  }
}

function boxBytes(file: Buffer, start: number): number {
  const bytes = file.readUInt32BE(start);
  if (bytes === TO_END) return file.length - start;
  if (bytes !== IS_LONG) return bytes;
  return start + LONG_HEADER_BYTES <= file.length
    ? Number(file.readBigUInt64BE(start + BOX_HEADER_BYTES))
    : 0;
}
