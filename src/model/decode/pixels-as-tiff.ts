// Wraps pixels as an uncompressed TIFF, because sharp takes no colour profile with raw pixels.

export interface PixelLayout {
  width: number;
  height: number;
  /** Red, green, blue, and alpha as the fourth. */
  channels: 3 | 4;
  /** An ICC profile. */
  profile?: Uint8Array | undefined;
}

/** The reader holds one strip in memory. */
const ROWS_PER_STRIP = 16;

const SHORT = 3;
const LONG = 4;
const UNDEFINED = 7;
const VALUE_BYTES = { [SHORT]: 2, [LONG]: 4, [UNDEFINED]: 1 };
const FILE_HEADER = 8;
const ENTRY = 12;
/** Of TIFF: the fourth channel is transparency, and colours are not multiplied with it. */
const UNASSOCIATED_ALPHA = 2;

type Entry = readonly [tag: number, type: keyof typeof VALUE_BYTES, values: ArrayLike<number>];

/** A TIFF file with room for its pixels, which are to be copied into `pixels`: rows from the top, without padding. */
export function makeTiff(layout: PixelLayout): { file: Uint8Array<ArrayBuffer>; pixels: Uint8Array } {
  const { width, height, channels } = layout;
  const strips = Math.ceil(height / ROWS_PER_STRIP);
  const stripBytes = width * channels * ROWS_PER_STRIP;
  const pixelBytes = width * height * channels;
  const entriesFor = (pixelsAt: number): Entry[] => [
    [256, LONG, [width]],
    [257, LONG, [height]],
    [258, SHORT, Array(channels).fill(8)],
    [259, SHORT, [1]],
    [262, SHORT, [2]],
    [273, LONG, Array.from({ length: strips }, (_, strip) => pixelsAt + strip * stripBytes)],
    [277, SHORT, [channels]],
    [278, LONG, [ROWS_PER_STRIP]],
    [
      279,
      LONG,
      Array.from({ length: strips }, (_, strip) => Math.min(stripBytes, pixelBytes - strip * stripBytes)),
    ],
    ...(channels === 4 ? [[338, SHORT, [UNASSOCIATED_ALPHA]] as const] : []),
    ...(layout.profile === undefined ? [] : [[34675, UNDEFINED, layout.profile] as const]),
  ];
  const headBytes = headerBytes(entriesFor(0));
  const file = new Uint8Array(headBytes + pixelBytes);
  writeHeader(file, entriesFor(headBytes));
  return { file, pixels: file.subarray(headBytes) };
}

const valueBytes = ([, type, values]: Entry): number => VALUE_BYTES[type] * values.length;
/** Values of more than four bytes are beside the directory, at an even offset. */
const besideBytes = (entry: Entry): number =>
  valueBytes(entry) <= 4 ? 0 : valueBytes(entry) + (valueBytes(entry) % 2);

const directoryBytes = (entries: readonly Entry[]): number => 2 + ENTRY * entries.length + 4;

const headerBytes = (entries: readonly Entry[]): number =>
  entries.reduce((sum, entry) => sum + besideBytes(entry), FILE_HEADER + directoryBytes(entries));

function writeHeader(file: Uint8Array<ArrayBuffer>, entries: readonly Entry[]): void {
  const view = new DataView(file.buffer);
  const isLittleEndian = true;
  view.setUint32(0, 0x002a4949, isLittleEndian);
  view.setUint32(4, FILE_HEADER, isLittleEndian);
  view.setUint16(FILE_HEADER, entries.length, isLittleEndian);
  let beside = FILE_HEADER + directoryBytes(entries);
  for (const [index, entry] of entries.entries()) {
    const [tag, type, values] = entry;
    const at = FILE_HEADER + 2 + ENTRY * index;
    view.setUint16(at, tag, isLittleEndian);
    view.setUint16(at + 2, type, isLittleEndian);
    view.setUint32(at + 4, values.length, isLittleEndian);
    const isBeside = besideBytes(entry) > 0;
    if (isBeside) view.setUint32(at + 8, beside, isLittleEndian);
    writeValues(view, isBeside ? beside : at + 8, entry);
    beside += besideBytes(entry);
  }
}

function writeValues(view: DataView, at: number, [, type, values]: Entry): void {
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    const to = at + index * VALUE_BYTES[type];
    if (type === UNDEFINED) view.setUint8(to, value);
    else if (type === SHORT) view.setUint16(to, value, true);
    else view.setUint32(to, value, true);
  }
}
