import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { UnusableSidecarError } from '../xmp/document.ts';
import { decodeSidecar, EMPTY_SIDECAR } from '../xmp/keywords.ts';
import type { ExifTool } from './exiftool.ts';
import { type EditPacket, type PlannedChange, readIfThere } from './keyword-file.ts';

/** Photographs are read into memory to be compared. */
const MAX_PHOTO_BYTES = 256 * 1024 * 1024;

/**
 * The XMP packets inside photographs. ExifTool takes them out and puts them back; what is in them is changed as in a
 * sidecar.
 */
export class EmbeddedKeywords {
  readonly name = 'the file';
  readonly #exifTool: Pick<ExifTool, 'run'>;

  constructor(exifTool: Pick<ExifTool, 'run'>) {
    this.#exifTool = exifTool;
  }

  /** @returns undefined if nothing changes. @throws {UnusableSidecarError} and errors of the file system. */
  async plan(photo: string, edit: EditPacket): Promise<PlannedChange | undefined> {
    if (/[\r\n]/.test(photo)) throw new UnusableSidecarError('has a line end in its name');
    const before = await readIfThere(photo, MAX_PHOTO_BYTES);
    if (before === undefined) throw new UnusableSidecarError('is gone');
    const { output } = await this.#exifTool.run(['-b', '-XMP', photo]);
    const text = output.length === 0 ? EMPTY_SIDECAR : decodeSidecar(output);
    if (text.includes('HasExtendedXMP')) throw new UnusableSidecarError('has more than one XMP packet');
    const packet = edit(text);
    if (packet === text) return undefined;
    return { file: photo, before, after: await this.#withPacket(photo, packet) };
  }

  async #withPacket(photo: string, packet: string): Promise<Buffer> {
    const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-embed-'));
    try {
      const source = path.join(folder, 'packet.xmp');
      const written = path.join(folder, `photo${path.extname(photo)}`);
      await writeFile(source, packet);
      const { errors } = await this.#exifTool.run(['-q', '-o', written, `-XMP<=${source}`, photo]);
      return await readFile(written).catch(() => {
        throw new UnusableSidecarError(`cannot be written by ExifTool: ${errors.split('\n')[0]}`);
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
