import { crc32, deflateRawSync } from 'node:zlib';

/** A file in the archive. */
export interface ZipEntry {
  name: string;
  bytes: Uint8Array;
}

const LOCAL_HEADER = 0x04034b50;
const CENTRAL_HEADER = 0x02014b50;
const END_OF_CENTRAL_DIRECTORY = 0x06054b50;
/** Version 2.0: files that are deflated. */
const VERSION = 20;
/** Made on Unix, so that the attributes below are those of Unix. */
const MADE_BY = (3 << 8) | VERSION;
const DEFLATED = 8;
/** The first date that a ZIP can have, 1980-01-01: the same files always give the same bytes. */
const DATE = (1 << 5) | 1;
/** A plain file that everybody may read, as a function of AWS Lambda needs it. */
const MODE = (0o100644 << 16) >>> 0;

/** A ZIP archive of a few files, each below 4 GB (APPNOTE.TXT of PKWARE, 4.3). */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, bytes } of entries) {
    const data = deflateRawSync(bytes, { level: 9 });
    const title = Buffer.from(name);
    const common = commonFields({ crc: crc32(bytes), packed: data.length, unpacked: bytes.length, title });
    const local = Buffer.concat([uint32(LOCAL_HEADER), common, title, data]);
    files.push(local);
    // No comment, first disk, no internal attributes.
    const place = Buffer.concat([uint16(0, 0, 0), uint32(MODE, offset)]);
    directory.push(Buffer.concat([uint32(CENTRAL_HEADER), uint16(MADE_BY), common, place, title]));
    offset += local.length;
  }
  const list = Buffer.concat(directory);
  const count = entries.length;
  const end = [uint32(END_OF_CENTRAL_DIRECTORY), uint16(0, 0, count, count), uint32(list.length, offset)];
  return Buffer.concat([...files, list, ...end, uint16(0)]);
}

/** What both headers of a file have, from the version to the length of the extra field. */
function commonFields(file: { crc: number; packed: number; unpacked: number; title: Buffer }): Buffer {
  const { crc, packed, unpacked, title } = file;
  return Buffer.concat([
    uint16(VERSION, 0, DEFLATED, 0, DATE),
    uint32(crc, packed, unpacked),
    uint16(title.length, 0),
  ]);
}

function uint16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt16LE(value, 2 * at);
  return bytes;
}

function uint32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32LE(value, 4 * at);
  return bytes;
}
