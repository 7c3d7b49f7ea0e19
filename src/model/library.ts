// The models of this machine: those that came with the product and those that were installed.

import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ModelManifest, type ModelVariant, modelName, modelTitle } from '../core/model/model.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { type ModelDescription, readModelFolder } from './folder.ts';
import { type GateResult, readGate } from './gate.ts';

/** The model that comes with the product, so that the first run needs no download. */
export const STARTER_MODEL = 'efficientnet-lite0';

export interface LibraryModel extends ModelDescription {
  dir: string;
  /** Came with the product; cannot be removed. */
  bundled: boolean;
  /** What came of comparing it with fp32, where that was done. */
  gate?: GateResult;
}

/** A folder where a model should be, and why it is none. */
export interface DamagedModel {
  dir: string;
  problem: string;
}

export interface ModelLibrary {
  readonly modelsDir: string;
  readonly bundledDir: string;
  /** By name and variant. What is damaged is listed apart and never in the way. */
  list(): Promise<{ models: LibraryModel[]; damaged: DamagedModel[] }>;
  /** All variants of a name; only one of them where a variant is given. */
  find(name: string, variant?: ModelVariant): Promise<LibraryModel[]>;
  findBySha256(sha256: string): Promise<LibraryModel | undefined>;
  /**
   * Removes what is installed under a name, damaged or not.
   * @returns the folders that were removed.
   * @throws {ImgclsError} of kind `usage` when nothing is installed under it.
   */
  remove(name: string, variant?: ModelVariant): Promise<string[]>;
  /** Checks the weights' sha256, loads them and runs them once. @throws {ImgclsError} of kind `permanent`. */
  verify(model: LibraryModel, signal?: AbortSignal): Promise<void>;
}

/**
 * Opens the library; nothing is read until it is asked for.
 * @param options.modelsDir installed models, `<name>/<variant>/`; need not exist.
 * @param options.bundledDir models that came with the product, `<name>/`.
 */
export function createModelLibrary(options: { modelsDir: string; bundledDir: string }): ModelLibrary {
  const { modelsDir, bundledDir } = options;

  const read = async (places: readonly { dir: string; bundled: boolean }[]) => {
    const models: LibraryModel[] = [];
    const damaged: DamagedModel[] = [];
    for (const { dir, bundled } of places) {
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
    // Every command that submits comes here, and reading a model's classes takes longer than looking for it.
    const { models } = await read(await folders(modelsDir, bundledDir, name));
    const matches = models.filter(({ manifest }) => matchesName(manifest, name, variant));
    // An installed model takes the place of a bundled one of the same name and variant.
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
      // Fails where another variant is left, as it should.
      await rmdir(parent).catch(() => {});
      return removed;
    },
    async verify(model, signal) {
      // Loaded only here: who merely looks a model up needs no runtime.
      const { checkModel } = await import('./check.ts');
      await checkModel(model.dir, signal);
    },
  };
}

/** The folders of models; of those that are called `only` where that is given. */
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

/** Names of the folders in a folder; none where it does not exist. Those with a dot are work in progress. */
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

/** A name becomes a path: nothing else may. @throws {ImgclsError} of kind `usage`. */
export function checkedName(name: string): string {
  const parsed = modelName.safeParse(name);
  if (parsed.success) return parsed.data;
  throw new ImgclsError(
    'usage',
    `"${name}" cannot name a model: ${parsed.error.issues[0]?.message ?? 'invalid'}.`,
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
  return new ImgclsError('usage', `${title} came with the product and cannot be removed.`, {
    hint: `It stands in ${dirname(bundled.dir)}.`,
  });
}
