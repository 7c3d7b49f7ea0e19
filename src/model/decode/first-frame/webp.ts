const RIFF_HEADER_BYTES = 12;
const CHUNK_HEADER_BYTES = 8;
/** Position, size and duration of a frame, before its image. */
const FRAME_HEADER_BYTES = 16;

interface Chunk {
  type: string;
  start: number;
  /** Of its content. */
  dataStart: number;
  /** After the byte that pads its content to an even length. */
  end: number;
}

/** The animation with its first frames only; undefined for a still image, or if one of them is not whole. */
export function firstFramesOfWebp(file: Buffer, count: number): Buffer | undefined {
  const end = Math.min(file.length, CHUNK_HEADER_BYTES + file.readUInt32LE(4));
  const frames = firstOf('ANMF', chunksOf(file, RIFF_HEADER_BYTES, end), count);
  const [first] = frames;
  const last = frames.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const parts = [file.subarray(0, first.start)];
  for (const frame of frames) {
    const image = imageOf(file, frame);
    if (image === undefined) return undefined;
    const header = Buffer.from(file.subarray(frame.start, frame.dataStart));
    header.writeUInt32LE(image.length, 4);
    parts.push(header, image);
  }
  // Has the orientation.
  for (const exif of firstOf('EXIF', chunksOf(file, last.end, end), 1))
    parts.push(file.subarray(exif.start, exif.end));
  const alone = Buffer.concat(parts);
  alone.writeUInt32LE(alone.length - CHUNK_HEADER_BYTES, 4);
  return alone;
}

/**
 * The frame's header and image. What follows in its chunk is left out: libwebp takes it for chunks of the file, which could
 * be further frames.
 */
function imageOf(file: Buffer, frame: Chunk): Buffer | undefined {
  const from = frame.dataStart + FRAME_HEADER_BYTES;
  let alpha: Chunk | undefined;
  for (const chunk of chunksOf(file, from, frame.end)) {
    if (chunk.type === 'VP8 ' || chunk.type === 'VP8L') return file.subarray(frame.dataStart, chunk.end);
    if (chunk.type !== 'ALPH' || alpha !== undefined) return undefined;
    alpha = chunk;
  }
  return undefined;
}

function firstOf(type: string, chunks: Iterable<Chunk>, count: number): Chunk[] {
  const found: Chunk[] = [];
  for (const chunk of chunks) {
    if (chunk.type === type) found.push(chunk);
    if (found.length === count) break;
  }
  return found;
}

/** Chunks that are whole, up to the first one that is not. */
function* chunksOf(file: Buffer, from: number, end: number): Generator<Chunk> {
  for (let start = from; start + CHUNK_HEADER_BYTES <= end; ) {
    const bytes = file.readUInt32LE(start + 4);
    const dataStart = start + CHUNK_HEADER_BYTES;
    const next = dataStart + bytes + (bytes & 1);
    if (next > end) return;
    yield { type: file.toString('latin1', start, start + 4), start, dataStart, end: next };
    start = next;
  }
}
