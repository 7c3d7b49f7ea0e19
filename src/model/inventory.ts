// The models that there are and those that there could be, as a list for people and programs.

import { type ModelManifest, modelTitle } from '../core/model/model.ts';
import { catalog } from './catalog.ts';
import type { DamagedModel, ModelLibrary } from './library.ts';
import { selectModel } from './select-model.ts';
import { readCpuFeatures, type VariantSetting } from './variant.ts';

export interface InventoryRow
  extends Pick<ModelManifest, 'name' | 'variant' | 'version' | 'bytes' | 'licence'> {
  /** Share of images that are named right at first guess, 0 to 1; null where it is not known. */
  top1: number | null;
  state: 'bundled' | 'installed' | 'can be pulled';
  /** Used where no model is asked for. */
  default: boolean;
  sha256?: string;
  dir?: string;
}

export interface Inventory {
  rows: InventoryRow[];
  damaged: DamagedModel[];
}

/** Installed models first, then what the catalog has beside them. */
export async function takeInventory(options: {
  library: ModelLibrary;
  wanted: string | undefined;
  variantSetting: VariantSetting;
}): Promise<Inventory> {
  const { models, damaged } = await options.library.list();
  // A listing also serves to find out why nothing can be selected.
  const selected = await selectModel({ ...options, cpu: await readCpuFeatures() }).catch(() => undefined);
  const installed = models.map(
    ({ manifest, bundled, dir }): InventoryRow => ({
      ...shown(manifest),
      bytes: manifest.bytes,
      state: bundled ? 'bundled' : 'installed',
      default: dir === selected?.model.dir,
      sha256: manifest.sha256,
      dir,
    }),
  );
  const titles = new Set(installed.map(modelTitle));
  const pullable = catalog
    .filter((entry) => !titles.has(modelTitle(entry)))
    .map(
      (entry): InventoryRow => ({
        ...shown(entry),
        bytes: entry.files[0].bytes,
        state: 'can be pulled',
        default: false,
      }),
    );
  return { rows: [...installed, ...pullable], damaged };
}

type Described = Pick<ModelManifest, 'name' | 'variant' | 'version' | 'licence' | 'accuracy'>;

function shown({ name, variant, version, licence, accuracy }: Described) {
  return { name, variant, version, licence, top1: accuracy?.top1 ?? null };
}
