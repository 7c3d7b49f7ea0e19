// Selects the model of a job.

import type { ModelVariant } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { isInCatalog, recognize } from './catalog.ts';
import { readDefaultModel } from './default-model.ts';
import { type LibraryModel, type ModelLibrary, STARTER_MODEL } from './library.ts';
import { type CpuFeatures, chooseVariant, type VariantSetting } from './variant.ts';

/** A model that may be chosen: an installed one, or one of the cluster, whose variants were not compared. */
type Candidate = Pick<LibraryModel, 'manifest'> & Partial<Pick<LibraryModel, 'bundled' | 'gate'>>;

export interface SelectedModel {
  model: LibraryModel;
  /** Why this variant: a clause to follow "because". */
  reason: string;
}

/**
 * Selects the wanted model, otherwise the one that a person chose, otherwise the bundled one.
 * @param options.wanted a name.
 * @throws {ImgclsError} of kind `config` with a hint how to install a missing model.
 */
export async function selectModel(options: {
  library: ModelLibrary;
  wanted?: string | undefined;
  variantSetting: VariantSetting;
  cpu: CpuFeatures;
}): Promise<SelectedModel> {
  const { library, variantSetting, cpu } = options;
  const name = options.wanted ?? (await readDefaultModel(library.modelsDir)) ?? STARTER_MODEL;
  const found = await library.find(name);
  return pickVariant(name, found, { variantSetting, cpu }) ?? (await missing(name, library));
}

/**
 * Chooses among the variants of a name; undefined if there are none.
 * @throws {ImgclsError} of kind `config` if the setting names a variant that is not among them.
 */
export function pickVariant<M extends Candidate>(
  name: string,
  found: readonly M[],
  { variantSetting, cpu }: { variantSetting: VariantSetting; cpu: CpuFeatures },
): { model: M; reason: string } | undefined {
  const models = variantSetting === 'auto' ? trusted(found) : found;
  const [first, ...others] = models.map(({ manifest }) => manifest.variant);
  if (first === undefined) return undefined;
  const { variant, reason } = chooseVariant(name, variantSetting, cpu, [first, ...others]);
  const model = models.find(({ manifest }) => manifest.variant === variant);
  if (model === undefined) return undefined;
  const untrusted = found.filter((other) => !models.includes(other)).map(({ manifest }) => manifest.variant);
  return { model, reason: untrusted.length > 0 ? `${untrusted} has not passed the accuracy gate` : reason };
}

/**
 * Models that may be chosen by default: fp32, files of the product or the catalog, variants that have passed the accuracy
 * gate, and variants without an fp32 reference.
 */
export function trusted<M extends Candidate>(models: readonly M[]): M[] {
  const hasReference = models.some(({ manifest }) => manifest.variant === 'fp32');
  return models.filter(
    ({ manifest, bundled, gate }) =>
      manifest.variant === 'fp32' ||
      !hasReference ||
      (gate?.passed ?? (bundled === true || recognize(manifest.sha256) !== undefined)),
  );
}

async function missing(name: string, library: ModelLibrary): Promise<never> {
  const { models, damaged } = await library.list();
  const names = [...new Set(models.map(({ manifest }) => manifest.name))].join(', ') || 'none';
  const broken = damaged.find(({ dir }) => dir.split(/[\\/]/).includes(name));
  const hint = isInCatalog(name)
    ? `Run "imgcls model pull ${name}".`
    : `Installed models: ${names}. "imgcls model import FILE" installs any ONNX classifier.`;
  throw new ImgclsError('config', broken?.problem ?? `The model "${name}" is not installed.`, { hint });
}

/** Parses `name` or `name/variant`, as people write a model. @throws {ImgclsError} of kind `usage`. */
export function parseModelTitle(text: string): { name: string; variant?: ModelVariant } {
  const [name = '', variant, ...rest] = text.split('/');
  if (rest.length === 0 && variant === undefined) return { name };
  if (rest.length === 0 && (variant === 'fp32' || variant === 'int8')) return { name, variant };
  throw new ImgclsError('usage', `"${text}" is not the name of a model. Write NAME, NAME/fp32 or NAME/int8.`);
}

/** The installed models with a title. @throws {ImgclsError} of kind `usage` if there are none. */
export async function findByTitle(library: ModelLibrary, title: string): Promise<LibraryModel[]> {
  const { name, variant } = parseModelTitle(title);
  const models = await library.find(name, variant);
  if (models.length > 0) return models;
  throw new ImgclsError('usage', `No model ${title} is installed.`, {
    hint: '"imgcls model list" shows the installed models.',
  });
}
