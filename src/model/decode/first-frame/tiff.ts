/** What differs between TIFF and BigTIFF: sizes of offsets, of the count of a directory's entries, and of an entry. */
const CLASSIC = { firstOffsetAt: 4, offsetBytes: 4, countBytes: 2, entryBytes: 12 } as const;
const BIG = { firstOffsetAt: 8, offsetBytes: 8, countBytes: 8, entryBytes: 20 } as const;
const BIG_MAGIC = 43;

/** The TIFF without the link to its second page; undefined if there is none. */
export function firstPageOfTiff(file: Buffer): Buffer | undefined {
  const isLittleEndian = file[0] === 0x49;
  const { firstOffsetAt, offsetBytes, countBytes, entryBytes } =
    file[isLittleEndian ? 2 : 3] === BIG_MAGIC ? BIG : CLASSIC;
  /** A number beyond the file's end, or too large for one, is Infinity. */
  const read = (at: number, bytes: 2 | 4 | 8): number => {
    if (at + bytes > file.length) return Number.POSITIVE_INFINITY;
    if (bytes === 8) return Number(isLittleEndian ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at));
    return isLittleEndian ? file.readUIntLE(at, bytes) : file.readUIntBE(at, bytes);
  };
  const directory = read(firstOffsetAt, offsetBytes);
  const link = directory + countBytes + entryBytes * read(directory, countBytes);
  const next = read(link, offsetBytes);
  if (next === 0 || next === Number.POSITIVE_INFINITY) return undefined;
  const alone = Buffer.from(file);
  alone.fill(0, link, link + offsetBytes);
  return alone;
}
