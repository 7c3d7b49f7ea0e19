// Writes the header of a TIFF. sharp reads some data only in one.

const TYPES = {
  short: { code: 3, bytes: 2 },
  long: { code: 4, bytes: 4 },
  undefined: { code: 7, bytes: 1 },
} as const;

export type TiffEntry = readonly [tag: number, type: keyof typeof TYPES, values: ArrayLike<number>];

const FILE_HEADER = 8;
const ENTRY = 12;

/**
 * A little-endian TIFF up to its data.
 * @param entriesFor the entries of its directory, ordered by tag, for data that begins at this offset
 */
export function tiffHeader(entriesFor: (dataAt: number) => readonly TiffEntry[]): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(headerBytes(entriesFor(0)));
  write(new DataView(header.buffer), entriesFor(header.length));
  return header;
}

const valueBytes = ([, type, values]: TiffEntry): number => TYPES[type].bytes * values.length;
/** Values of more than four bytes are beside the directory, at an even offset. */
const besideBytes = (entry: TiffEntry): number =>
  valueBytes(entry) <= 4 ? 0 : valueBytes(entry) + (valueBytes(entry) % 2);

const directoryBytes = (entries: readonly TiffEntry[]): number => 2 + ENTRY * entries.length + 4;

const headerBytes = (entries: readonly TiffEntry[]): number =>
  entries.reduce((sum, entry) => sum + besideBytes(entry), FILE_HEADER + directoryBytes(entries));

function write(view: DataView, entries: readonly TiffEntry[]): void {
  view.setUint32(0, 0x002a4949, true);
  view.setUint32(4, FILE_HEADER, true);
  view.setUint16(FILE_HEADER, entries.length, true);
  let beside = FILE_HEADER + directoryBytes(entries);
  for (const [index, entry] of entries.entries()) {
    const [tag, type, values] = entry;
    const at = FILE_HEADER + 2 + ENTRY * index;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, TYPES[type].code, true);
    view.setUint32(at + 4, values.length, true);
    const isBeside = besideBytes(entry) > 0;
    if (isBeside) view.setUint32(at + 8, beside, true);
    writeValues(view, isBeside ? beside : at + 8, entry);
    beside += besideBytes(entry);
  }
}

function writeValues(view: DataView, at: number, [, type, values]: TiffEntry): void {
  const { bytes } = TYPES[type];
  for (let index = 0; index < values.length; index++) {
    const value = values[index] as number;
    const to = at + index * bytes;
    if (bytes === 1) view.setUint8(to, value);
    else if (bytes === 2) view.setUint16(to, value, true);
    else view.setUint32(to, value, true);
  }
}
