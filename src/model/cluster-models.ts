// The models in a cluster's output bucket, where `imgcls model push` puts them.

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListedObject, Store } from '../core/cloud/ports.ts';
import { MODELS_PREFIX, modelPrefix } from '../core/job/keys.ts';
import { type ModelManifest, modelTitle, refOf } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { downloadModel } from './fetch.ts';
import { MANIFEST_FILE, parseManifest, WEIGHTS_FILE } from './folder.ts';
import { replaceFolder, stagingDir } from './install.ts';
import type { ModelLibrary } from './library.ts';
import type { PulledModel } from './pull.ts';
import { pickVariant } from './select-model.ts';
import { type CpuFeatures, readCpuFeatures, type VariantSetting } from './variant.ts';

/** Our manifests have about 1 KB. A forged one must not fill the memory of its readers. */
const MAX_MANIFEST_BYTES = 64 * 1024;

/** Reads each manifest once: a later look is one listing. */
export class ClusterModels {
  readonly output: Store;
  /** By ETag. Undefined if it is unusable. */
  readonly #manifests = new Map<string, ModelManifest | undefined>();

  constructor(output: Store) {
    this.output = output;
  }

  /** The complete models; of several with one title, the one that was pushed last. Leaves out damaged and forged ones. */
  async list(signal?: AbortSignal): Promise<ModelManifest[]> {
    const objects = new Map<string, ListedObject>();
    for await (const object of this.output.list(MODELS_PREFIX, signal && { signal }))
      objects.set(object.key, object);
    const weights = [...objects.values()].filter(({ key }) => key.endsWith(`/${WEIGHTS_FILE}`));
    const byTitle = new Map<string, ModelManifest>();
    for (const { key, bytes } of weights.toSorted((a, b) => a.modifiedAtMs - b.modifiedAtMs)) {
      const folder = key.slice(0, -WEIGHTS_FILE.length);
      const manifest = await this.#manifest(objects.get(`${folder}${MANIFEST_FILE}`), signal);
      if (manifest !== undefined && manifest.bytes === bytes && modelPrefix(manifest.sha256) === folder)
        byTitle.set(modelTitle(manifest), manifest);
    }
    return [...byTitle.values()];
  }

  async find(name: string, signal?: AbortSignal): Promise<ModelManifest[]> {
    return (await this.list(signal)).filter((manifest) => manifest.name === name);
  }

  async #manifest(
    object: ListedObject | undefined,
    signal?: AbortSignal,
  ): Promise<ModelManifest | undefined> {
    if (object === undefined || object.bytes > MAX_MANIFEST_BYTES) return undefined;
    const { key, etag } = object;
    if (!this.#manifests.has(etag)) {
      const { body } = await this.output.get(key, signal && { signal });
      this.#manifests.set(etag, manifestOrUndefined(Buffer.from(body).toString()));
    }
    return this.#manifests.get(etag);
  }
}

function manifestOrUndefined(text: string): ModelManifest | undefined {
  try {
    return parseManifest(text);
  } catch {
    return undefined;
  }
}

/** The model of the cluster with this name, in the variant that suits. Undefined if the cluster has none. */
export async function selectClusterModel(
  models: ClusterModels,
  name: string,
  choice: { variantSetting: VariantSetting; cpu: CpuFeatures },
  signal?: AbortSignal,
): Promise<{ manifest: ModelManifest; reason: string } | undefined> {
  const found = (await models.find(name, signal)).map((manifest) => ({ manifest }));
  const picked = pickVariant(name, found, choice);
  return picked && { manifest: picked.model.manifest, reason: picked.reason };
}

export interface PullFromClusterOptions {
  library: ModelLibrary;
  models: ClusterModels;
  variant: VariantSetting;
  signal: AbortSignal;
}

/**
 * Installs a model of the cluster.
 * @throws {ImgclsError} of kind `usage` if the cluster does not have it, `permanent` if it is damaged there.
 */
export async function pullFromCluster(
  name: string,
  { library, models, variant, signal }: PullFromClusterOptions,
): Promise<PulledModel> {
  const choice = { variantSetting: variant, cpu: await readCpuFeatures() };
  const { manifest } = (await selectClusterModel(models, name, choice, signal)) ?? {};
  if (manifest === undefined)
    throw new ImgclsError('usage', `Bucket ${models.output.bucket} has no model named "${name}".`, {
      hint: `On a machine where it is installed, run "imgcls model push ${name}". "imgcls model list" shows the catalog.`,
    });
  const installed = await library.find(name, manifest.variant);
  const same = installed.find((model) => model.manifest.sha256 === manifest.sha256);
  if (same !== undefined) return { dir: same.dir, manifest: same.manifest, already: true };
  const dir = join(library.modelsDir, name, manifest.variant);
  const staging = stagingDir(library.modelsDir);
  await mkdir(staging, { recursive: true });
  try {
    await downloadModel(refOf(manifest), models.output, staging, signal);
    await replaceFolder(staging, dir);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return { dir, manifest, already: false };
}
