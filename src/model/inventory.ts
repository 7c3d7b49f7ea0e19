// Lists the installed models and those that can be pulled, for people and programs.

import { type ModelManifest, modelTitle } from '../core/model/model.ts';
import { catalog, goodFor } from './catalog.ts';
import type { DamagedModel, ModelLibrary } from './library.ts';
import { selectModel } from './select-model.ts';
import { readCpuFeatures, type VariantSetting } from './variant.ts';

export interface InventoryRow
  extends Pick<ModelManifest, 'name' | 'variant' | 'version' | 'bytes' | 'licence'> {
  /** Published top-1 accuracy, 0 to 1; null if unknown. */
  top1: number | null;
  /** The variant that it was measured with. */
  top1Variant: ModelManifest['variant'];
  /** A need, such as `speed`; null if it is the best for none. */
  goodFor: string | null;
  state: 'bundled' | 'installed' | 'can be pulled';
  /** Used if a job names no model. */
  default: boolean;
  sha256?: string;
  dir?: string;
}

export interface Inventory {
  rows: InventoryRow[];
  damaged: DamagedModel[];
}

/** Installed models first, then the other models of the catalog. */
export async function takeInventory(options: {
  library: ModelLibrary;
  wanted: string | undefined;
  variantSetting: VariantSetting;
}): Promise<Inventory> {
  const { models, damaged } = await options.library.list();
  // List models even if none can be selected: the list may show why.
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

type Listed = Pick<ModelManifest, 'name' | 'variant' | 'version' | 'licence' | 'accuracy'>;

function shown({ name, variant, version, licence, accuracy }: Listed) {
  return {
    name,
    variant,
    version,
    licence,
    top1: accuracy?.top1 ?? null,
    top1Variant: accuracy?.variant ?? variant,
    goodFor: goodFor(name) ?? null,
  };
}
