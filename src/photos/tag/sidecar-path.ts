import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { SIDECAR_ENDING, sidecarOf } from '../sidecar.ts';
import { UnusableSidecarError } from '../xmp/document.ts';
import { type EditPacket, type PlannedChange, planSidecar } from './keyword-file.ts';

/**
 * How a sidecar is named. `full`: photo.jpg.xmp (digiKam, darktable, Immich). `short`: photo.xmp (Lightroom, for camera raw
 * files only). `auto`: the one that exists, else `full`.
 */
export const SIDECAR_NAMES = ['auto', 'full', 'short'] as const;
export type SidecarName = (typeof SIDECAR_NAMES)[number];

/** The names in a folder: all, and how many of them, besides sidecars, are the same up to their ending. */
interface FolderNames {
  path: string;
  all: ReadonlySet<string>;
  sharing: ReadonlyMap<string, number>;
}

/** The sidecars of photographs. Keeps the names in the folder of the last one. */
export class Sidecars {
  readonly name = 'its sidecar';
  readonly #choice: SidecarName;
  #folder: FolderNames | undefined;

  constructor(choice: SidecarName) {
    this.#choice = choice;
  }

  /** @returns undefined if nothing changes. @throws {UnusableSidecarError} and errors of the file system. */
  async plan(photo: string, edit: EditPacket): Promise<PlannedChange | undefined> {
    const sidecar = await this.pathOf(photo);
    if (sidecar === undefined) throw new UnusableSidecarError('would be that of other files as well');
    return await planSidecar(sidecar, edit);
  }

  /** @returns undefined if the short name would be that of several files. */
  async pathOf(photo: string): Promise<string | undefined> {
    const { dir, base, name } = path.parse(photo);
    const full = sidecarOf(base);
    const short = `${name}${SIDECAR_ENDING}`;
    if (this.#choice === 'full') return path.join(dir, full);
    const { all, sharing } = await this.#namesIn(dir);
    const isShared = (sharing.get(name) ?? 0) > 1;
    if (this.#choice === 'short') return isShared ? undefined : path.join(dir, short);
    return path.join(dir, !all.has(full) && all.has(short) && !isShared ? short : full);
  }

  async #namesIn(folder: string): Promise<FolderNames> {
    if (this.#folder?.path !== folder) {
      const names = await readdir(folder);
      const sharing = new Map<string, number>();
      for (const each of names) {
        const { name, ext } = path.parse(each);
        if (ext !== SIDECAR_ENDING) sharing.set(name, (sharing.get(name) ?? 0) + 1);
      }
      this.#folder = { path: folder, all: new Set(names), sharing };
    }
    return this.#folder;
  }
}
