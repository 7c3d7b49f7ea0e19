// Opens the model library and selects the model of a job by the settings, for every command that submits jobs.

import path from 'node:path';
import type { Cloud } from '../core/cloud/ports.ts';
import { type ModelRef, modelTitle, refOf } from '../core/model/model.ts';
import { classifierWith } from '../core/model/words.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { categoriesOf } from '../model/categories.ts';
import { ClusterModels, selectClusterModel } from '../model/cluster-models.ts';
import { classifierDigest } from '../model/folder.ts';
import { createModelLibrary, type LibraryModel, type ModelLibrary } from '../model/library.ts';
import { type SelectedModel, selectModel } from '../model/select-model.ts';
import { readCpuFeatures } from '../model/variant.ts';
import { packageFile } from './package-files.ts';
import type { RunSettings } from './settings.ts';
import { version } from './version.ts';

/** The models of this machine: bundled, pulled and imported ones. */
export function openModelLibrary({ dataDir }: RunSettings): ModelLibrary {
  return createModelLibrary({
    modelsDir: path.join(dataDir, 'models'),
    bundledDir: packageFile('models'),
  });
}

/** The models that submitters may use without having them. Undefined where this machine is the cluster. */
export const openClusterModels = ({ kind, output }: Cloud): ClusterModels | undefined =>
  kind === 'local' ? undefined : new ClusterModels(output);

/** The model that jobs with these settings use, with its files. */
export async function selectLibraryModel(settings: RunSettings): Promise<SelectedModel> {
  return await selectModel({
    library: openModelLibrary(settings),
    wanted: settings.model,
    variantSetting: settings.modelVariant,
    cpu: await readCpuFeatures(),
  });
}

/** The digest of a model's classifier, as this version of imgcls has it. Undefined if the model is not installed here. */
export async function installedClassifier(settings: RunSettings, ref: ModelRef): Promise<string | undefined> {
  const model = await findInstalled(settings, ref);
  return model && classifierWith(classifierDigest(model, version), ref.words);
}

/** @throws {ImgclsError} of kind `usage` if the model is installed here and has no categories. */
export async function requireCategories(settings: RunSettings, ref: ModelRef): Promise<void> {
  const model = await findInstalled(settings, ref);
  if (model === undefined || categoriesOf(model.labels) !== undefined) return;
  throw new ImgclsError(
    'usage',
    `The model ${modelTitle(ref)} has no categories: its classes are not those of ImageNet.`,
    { hint: 'Leave out --level category, or use another model (see "imgcls model list").' },
  );
}

async function findInstalled(
  settings: RunSettings,
  { name, variant, sha256 }: ModelRef,
): Promise<LibraryModel | undefined> {
  const found = await openModelLibrary(settings).find(name, variant);
  return found.find(({ manifest }) => manifest.sha256 === sha256);
}

export interface JobModel {
  ref: ModelRef;
  /** A line that says which model it is and why. */
  notice: string;
  /** It has none of its own. */
  needsLabels: boolean;
  /** Undefined if only the cluster has it. */
  installed?: LibraryModel;
}

/**
 * The model that jobs with these settings use. A submitter needs only its name and digest: a model that is not installed
 * may be in the cluster.
 */
export async function selectJobModel(settings: RunSettings, cluster?: ClusterModels): Promise<JobModel> {
  try {
    const { model, reason } = await selectLibraryModel(settings);
    const why = model.bundled ? 'bundled' : reason;
    return {
      ref: refOf(model.manifest),
      notice: `Model: ${modelTitle(model.manifest)} (${why}). "imgcls model list" shows others and what they are good for.`,
      needsLabels: model.manifest.zeroShot !== undefined,
      installed: model,
    };
  } catch (error) {
    const isMissing = error instanceof ImgclsError && error.kind === 'config';
    const found = isMissing ? await selectInCluster(settings, cluster) : undefined;
    if (found === undefined) throw error;
    return found;
  }
}

async function selectInCluster(
  { model: name, modelVariant: variantSetting }: RunSettings,
  cluster: ClusterModels | undefined,
): Promise<JobModel | undefined> {
  if (name === undefined || cluster === undefined) return undefined;
  const found = await selectClusterModel(cluster, name, { variantSetting, cpu: await readCpuFeatures() });
  if (found === undefined) return undefined;
  const { manifest, reason } = found;
  const title = modelTitle(manifest);
  return {
    ref: refOf(manifest),
    notice: `Model: ${title} of bucket ${cluster.output.bucket} (not installed here; ${reason}).`,
    needsLabels: manifest.zeroShot !== undefined,
  };
}
