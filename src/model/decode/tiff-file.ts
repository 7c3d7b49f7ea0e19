// The structure of a TIFF: numbers in its byte order, and directories of tags.

/** Bytes of one value by its type: BYTE, SHORT, LONG, IFD, LONG8 and IFD8. Others are not needed. */
const VALUE_BYTES: Readonly<Record<number, 1 | 2 | 4 | 8>> = { 1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8 };

/** Of one directory; the specification knows some 300 tags. */
const MAX_ENTRIES = 1024;

/** What differs between TIFF and BigTIFF: sizes of offsets, of the count of a directory's entries, and of an entry. */
const CLASSIC = { firstLinkAt: 4, offsetBytes: 4, countBytes: 2, entryBytes: 12 } as const;
const BIG = { firstLinkAt: 8, offsetBytes: 8, countBytes: 8, entryBytes: 20 } as const;
const BIG_MAGIC = 43;

export interface TiffFile {
  bytes: Buffer;
  layout: typeof CLASSIC | typeof BIG;
  isLittleEndian: boolean;
  /** Of the first directory; NaN if the file ends before it. */
  firstOffset: number;
}

export function tiffFile(content: Uint8Array): TiffFile {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const isLittleEndian = bytes[0] === 0x49;
  const layout = read({ bytes, isLittleEndian }, 2, 2) === BIG_MAGIC ? BIG : CLASSIC;
  const firstOffset = read({ bytes, isLittleEndian }, layout.firstLinkAt, layout.offsetBytes);
  return { bytes, layout, isLittleEndian, firstOffset };
}

type ByteOrder = Pick<TiffFile, 'bytes' | 'isLittleEndian'>;

/** NaN beyond the end of the file. */
function read({ bytes, isLittleEndian }: ByteOrder, at: number, size: 1 | 2 | 4 | 8): number {
  if (!(at >= 0 && at + size <= bytes.length)) return Number.NaN;
  if (size === 8) return Number(isLittleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  return isLittleEndian ? bytes.readUIntLE(at, size) : bytes.readUIntBE(at, size);
}

/** A number below 2^48 in 2 to 8 bytes. */
function write({ bytes, isLittleEndian }: ByteOrder, at: number, size: 2 | 4 | 8, value: number): void {
  bytes.fill(0, at, at + size);
  const low = Math.min(size, 6);
  if (isLittleEndian) bytes.writeUIntLE(value, at, low);
  else bytes.writeUIntBE(value, at + size - low, low);
}

export class TiffDirectory {
  readonly #file: TiffFile;
  readonly #at: number;
  /** Offset of the entry of each tag. */
  readonly #entries: ReadonlyMap<number, number>;
  /** Offset of the next directory; 0 if this is the last one. */
  readonly next: number;

  private constructor(file: TiffFile, at: number, entries: ReadonlyMap<number, number>, next: number) {
    this.#file = file;
    this.#at = at;
    this.#entries = entries;
    this.next = next;
  }

  /** Undefined if the file ends inside the directory, or if that has more entries than any program writes. */
  static at(file: TiffFile, at: number): TiffDirectory | undefined {
    const { countBytes, entryBytes, offsetBytes } = file.layout;
    const count = read(file, at, countBytes);
    const linkAt = at + countBytes + entryBytes * count;
    const next = read(file, linkAt, offsetBytes);
    if (Number.isNaN(next) || count > MAX_ENTRIES) return undefined;
    const entries = new Map<number, number>();
    for (let entry = linkAt - entryBytes; entry >= at + countBytes; entry -= entryBytes)
      entries.set(read(file, entry, 2), entry);
    return new TiffDirectory(file, at, entries, next);
  }

  has(tag: number): boolean {
    return this.#entries.has(tag);
  }

  /** The first value of a tag. */
  value(tag: number, otherwise: number): number {
    return this.values(tag, 1)[0] ?? otherwise;
  }

  /**
   * The first values of a tag. None if the directory lacks the tag, its type is another one, or the file ends before its
   * values.
   * @param limit many directories may share one list of a million values
   */
  values(tag: number, limit: number): number[] {
    const entry = this.#entries.get(tag);
    if (entry === undefined) return [];
    const { offsetBytes } = this.#file.layout;
    const size = VALUE_BYTES[read(this.#file, entry + 2, 2)];
    const count = read(this.#file, entry + 4, offsetBytes);
    const inline = entry + 4 + offsetBytes;
    if (size === undefined) return [];
    const from = size * count <= offsetBytes ? inline : read(this.#file, inline, offsetBytes);
    if (!(from + size * count <= this.#file.bytes.length)) return [];
    const length = Math.min(count, limit);
    return Array.from({ length }, (_, index) => read(this.#file, from + size * index, size));
  }

  /** Makes this directory the only one of a copy of its file, with the tags that are needed. @returns the copy */
  alone(copy: Buffer, isNeeded: (tag: number) => boolean): Buffer {
    const { layout, isLittleEndian, bytes } = this.#file;
    const { firstLinkAt, offsetBytes, countBytes, entryBytes } = layout;
    const file = { bytes: copy, isLittleEndian };
    let to = this.#at + countBytes;
    let count = 0;
    for (const [tag, entry] of [...this.#entries].toSorted(([a], [b]) => a - b)) {
      if (!isNeeded(tag)) continue;
      bytes.copy(copy, to, entry, entry + entryBytes);
      to += entryBytes;
      count++;
    }
    write(file, this.#at, countBytes, count);
    write(file, to, offsetBytes, 0);
    write(file, firstLinkAt, offsetBytes, this.#at);
    return copy;
  }
}
