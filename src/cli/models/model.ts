// The subcommands of `imgcls model`.

import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { Store } from '../../core/cloud/ports.ts';
import { type ModelManifest, modelTitle } from '../../core/model/model.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, messageAndHint, messageOf } from '../../core/runtime/errors.ts';
import type { HubAccess } from '../../model/hub/repository.ts';
import type { LibraryModel, ModelLibrary } from '../../model/library.ts';
import type { OptimisedModels } from '../../model/optimised.ts';
import type { VariantSetting } from '../../model/variant.ts';
import type { ComparedModel, Gate } from './gate.ts';
import type { MeasureModel } from './meter.ts';
import { howToUse, named } from './named-models.ts';

export interface ModelCommandDeps {
  library: ModelLibrary;
  /** Copies of this machine's models, optimised for its CPU. */
  optimised: OptimisedModels;
  settings: { model?: string | undefined; modelVariant: VariantSetting; modelMirror?: string | undefined };
  /** Opens a bucket to pull a model from. */
  openStore(bucket: string): Store;
  /** Opens the cluster's output bucket, from which workers load pushed models. */
  openOutput(): Promise<{ store: Store; close(): Promise<void> }>;
  /** The Hugging Face Hub. @throws {ImgclsError} if it is set to something else. */
  hub(): HubAccess;
  clock: Pick<Clock, 'sleep'>;
  gate: Gate;
  measure: MeasureModel;
  nowMs(): number;
  out: Writable & { isTTY?: boolean; columns?: number };
  err: Writable & { isTTY?: boolean };
  /** Aborts when the user interrupts. */
  interrupted: AbortSignal;
}

export async function importOne(
  { library, gate, out, err }: ModelCommandDeps,
  path: string,
  flags: { name?: string; variant?: 'fp32' | 'int8'; images?: string; tolerance: number },
): Promise<void> {
  const { importModel } = await import('../../model/import.ts');
  const { images, tolerance } = flags;
  const { manifest, dir, notices } = await importModel(path, {
    library,
    ...flags,
    ...(images !== undefined && {
      admit: async (model: ComparedModel) =>
        gate(model, await reference(library, model.manifest.name), { images, tolerance }),
    }),
  });
  for (const notice of notices) err.write(`${notice}\n`);
  if (images === undefined && (await isUntrusted(library, manifest))) {
    const title = modelTitle(manifest);
    err.write(
      `${title} is not chosen by default until "imgcls model verify ${title} --images FOLDER" passes.\n`,
    );
  }
  out.write(`${modelTitle(manifest)} installed in ${dir}\n`);
  err.write(howToUse(manifest.name));
}

/** @param title default: all installed models. */
export async function optimize(
  { library, optimised, out, interrupted }: ModelCommandDeps,
  title: string | undefined,
): Promise<void> {
  const { checkWeights, WEIGHTS_FILE } = await import('../../model/folder.ts');
  const models = title === undefined ? (await library.list()).models : await named(library, title);
  for (const { manifest, dir } of models) {
    await checkWeights(dir, manifest.sha256, interrupted);
    const folder = await optimised.make(join(dir, WEIGHTS_FILE), manifest.sha256, interrupted);
    out.write(`${modelTitle(manifest)} optimised for this CPU in ${folder}\n`);
  }
}

/** Whether jobs use fp32 instead, because the variant has not passed the accuracy gate. */
async function isUntrusted(library: ModelLibrary, { name, variant }: ModelManifest): Promise<boolean> {
  const { trusted } = await import('../../model/select-model.ts');
  return !trusted(await library.find(name)).some(({ manifest }) => manifest.variant === variant);
}

/** Runs the accuracy gate on each variant of the title except fp32, and stores the results. */
export async function compareModels(
  { library, gate, out }: ModelCommandDeps,
  title: string,
  flags: { images: string; tolerance: number },
): Promise<void> {
  const { gateText, writeGate } = await import('../../model/gate.ts');
  const variants = (await named(library, title)).filter(({ manifest }) => manifest.variant !== 'fp32');
  if (variants.length === 0) throw new ImgclsError('usage', `${title} has no variant to compare with fp32.`);
  const failures: string[] = [];
  for (const { manifest, labels, dir, bundled } of variants) {
    const result = await gate({ manifest, labels, dir }, await reference(library, manifest.name), flags);
    if (!bundled) await writeGate(dir, result);
    const text = `${modelTitle(manifest)}: ${gateText(result)}`;
    if (result.passed) out.write(`${text}; passed\n`);
    else failures.push(`${text}; failed, as it loses more than ${flags.tolerance} of the images.`);
  }
  if (failures.length > 0) {
    throw new ImgclsError('permanent', failures.join('\n'), {
      hint: 'The variant is used only when you ask for it (--variant, or the setting modelVariant).',
    });
  }
}

/** The fp32 variant of a name. */
async function reference(library: ModelLibrary, name: string): Promise<LibraryModel> {
  const [found] = await library.find(name, 'fp32');
  if (found !== undefined) return found;
  const { howToGet } = await import('../../model/catalog.ts');
  throw new ImgclsError('usage', `Cannot compare: ${name}/fp32 is not installed.`, {
    hint: howToGet(name, 'fp32'),
  });
}

export async function verify(
  { library, optimised, out, interrupted }: ModelCommandDeps,
  title: string | undefined,
): Promise<void> {
  const { refuseDamaged } = await import('../../model/optimised.ts');
  const { models, damaged } = await library.list();
  const problems = title === undefined ? damaged.map(({ problem }) => problem) : [];
  for (const model of title === undefined ? models : await named(library, title)) {
    try {
      await library.verify(model);
      await refuseDamaged(optimised, model.manifest, interrupted);
      out.write(`${modelTitle(model.manifest)} is valid\n`);
    } catch (error) {
      problems.push(error instanceof ImgclsError ? messageAndHint(error) : messageOf(error));
    }
  }
  if (problems.length > 0) throw new ImgclsError('permanent', problems.join('\n'));
}

export async function push({ library, openOutput, out, interrupted }: ModelCommandDeps, title: string) {
  const models = await named(library, title);
  const { pushModel } = await import('../../model/fetch.ts');
  const { store, close } = await openOutput();
  try {
    for (const model of models) {
      const pushed = await pushModel(model, store, interrupted);
      out.write(`${modelTitle(model.manifest)} ${pushed ? 'pushed to' : 'is already in'} ${store.bucket}\n`);
    }
  } finally {
    await close();
  }
}
