// The models of this machine: those bundled with the product and those installed later.

import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ModelManifest, type ModelVariant, modelName, modelTitle } from '../core/model/model.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { type ModelDescription, readModelFolder } from './folder.ts';
import { type GateResult, readGate } from './gate.ts';

/** The model that is bundled with the product: the first run needs no download. */
export const STARTER_MODEL = 'efficientnet-lite0';

export interface LibraryModel extends ModelDescription {
  dir: string;
  /** Bundled with the product; cannot be removed. */
  bundled: boolean;
  /** The result of the comparison with fp32, if there was one. */
  gate?: GateResult;
}

/** A folder whose model cannot be used, and why. */
export interface DamagedModel {
  dir: string;
  problem: string;
}

export interface ModelLibrary {
  readonly modelsDir: string;
  readonly bundledDir: string;
  /** Sorted by name and variant. Damaged models are listed separately and cause no error. */
  list(): Promise<{ models: LibraryModel[]; damaged: DamagedModel[] }>;
  /** All variants of a name, or only the given variant. */
  find(name: string, variant?: ModelVariant): Promise<LibraryModel[]>;
  findBySha256(sha256: string): Promise<LibraryModel | undefined>;
  /**
   * Removes the models installed under a name, including damaged ones.
   * @returns the removed folders.
   * @throws {ImgclsError} of kind `usage` if no model is installed under the name.
   */
  remove(name: string, variant?: ModelVariant): Promise<string[]>;
  /** Checks the sha256 of the weights, loads them and runs them once. @throws {ImgclsError} of kind `permanent`. */
  verify(model: LibraryModel, signal?: AbortSignal): Promise<void>;
}

/**
 * Opens the library. Reads nothing before the first call.
 * @param options.modelsDir installed models, `<name>/<variant>/`; need not exist.
 * @param options.bundledDir models bundled with the product, `<name>/`.
 */
export function createModelLibrary(options: { modelsDir: string; bundledDir: string }): ModelLibrary {
  const { modelsDir, bundledDir } = options;

  const read = async (modelFolders: readonly { dir: string; bundled: boolean }[]) => {
    const models: LibraryModel[] = [];
    const damaged: DamagedModel[] = [];
    for (const { dir, bundled } of modelFolders) {
      try {
        const description = await readModelFolder(dir);
        const gate = await readGate(dir, description.manifest.sha256);
        models.push({ ...description, dir, bundled, ...(gate && { gate }) });
      } catch (error) {
        damaged.push({ dir, problem: messageOf(error) });
      }
    }
    models.sort((a, b) => (modelTitle(a.manifest) < modelTitle(b.manifest) ? -1 : 1));
    return { models, damaged };
  };

  const list = async () => await read(await folders(modelsDir, bundledDir));

  const find = async (name: string, variant?: ModelVariant) => {
    // Read only folders of this name: every submit runs this, and reading the labels of a model takes long.
    const { models } = await read(await folders(modelsDir, bundledDir, name));
    const matches = models.filter(({ manifest }) => matchesName(manifest, name, variant));
    // An installed model replaces a bundled one of the same name and variant.
    return matches.filter(
      (model) =>
        !model.bundled ||
        !matches.some((other) => !other.bundled && other.manifest.variant === model.manifest.variant),
    );
  };

  return {
    modelsDir,
    bundledDir,
    list,
    find,
    async findBySha256(sha256) {
      return (await list()).models.find(({ manifest }) => manifest.sha256 === sha256);
    },
    async remove(name, variant) {
      const parent = join(modelsDir, checkedName(name));
      const variants = (await foldersIn(parent)).filter(
        (entry) => variant === undefined || entry === variant,
      );
      if (variants.length === 0) throw await nothingToRemove(name, variant, find);
      const removed = variants.map((entry) => join(parent, entry));
      for (const dir of removed) await rm(dir, { recursive: true });
      // Fails if another variant is left, which is intended.
      await rmdir(parent).catch(() => {});
      return removed;
    },
    async verify(model, signal) {
      // Import it here: other uses of the library do not need the runtime.
      const { checkModel } = await import('./check.ts');
      await checkModel(model.dir, signal);
    },
  };
}

/** The folders of models, or only of those with the name `only`. */
async function folders(
  modelsDir: string,
  bundledDir: string,
  only?: string,
): Promise<{ dir: string; bundled: boolean }[]> {
  const isWanted = (name: string) => only === undefined || name === only;
  const found: { dir: string; bundled: boolean }[] = [];
  for (const name of (await foldersIn(bundledDir)).filter(isWanted))
    found.push({ dir: join(bundledDir, name), bundled: true });
  for (const name of (await foldersIn(modelsDir)).filter(isWanted)) {
    const parent = join(modelsDir, name);
    for (const variant of await foldersIn(parent)) found.push({ dir: join(parent, variant), bundled: false });
  }
  return found;
}

/** Names of the folders in a folder; none if it does not exist. Skips those with a dot, which are work in progress. */
async function foldersIn(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new ImgclsError('permanent', `Cannot list the models in ${dir}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function matchesName(manifest: ModelManifest, name: string, variant: ModelVariant | undefined): boolean {
  return manifest.name === name && (variant === undefined || manifest.variant === variant);
}

/** Checks a name before it becomes a path. @throws {ImgclsError} of kind `usage`. */
export function checkedName(name: string): string {
  const parsed = modelName.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new ImgclsError(
    'usage',
    `Invalid model name "${name}": ${parsed.error.issues[0]?.message ?? 'invalid'}.`,
  );
}

async function nothingToRemove(
  name: string,
  variant: ModelVariant | undefined,
  find: ModelLibrary['find'],
): Promise<ImgclsError> {
  const [bundled] = await find(name, variant);
  const title = variant === undefined ? name : modelTitle({ name, variant });
  if (bundled === undefined) return new ImgclsError('usage', `No model ${title} is installed.`);
  return new ImgclsError('usage', `Cannot remove ${title}: it is bundled with imgcls.`, {
    hint: `It is part of the installation, in ${dirname(bundled.dir)}.`,
  });
}
