// Opens the model library and selects the model of a job by the settings, for every command that submits jobs.

import path from 'node:path';
import { type ModelRef, modelTitle, refOf } from '../core/model/model.ts';
import { createModelLibrary, type ModelLibrary } from '../model/library.ts';
import { type SelectedModel, selectModel } from '../model/select-model.ts';
import { readCpuFeatures } from '../model/variant.ts';
import { packageFile } from './package-files.ts';
import type { RunSettings } from './settings.ts';

/** The models of this machine: bundled, pulled and imported ones. */
export function openModelLibrary({ dataDir }: RunSettings): ModelLibrary {
  return createModelLibrary({
    modelsDir: path.join(dataDir, 'models'),
    bundledDir: packageFile('models'),
  });
}

/** The model that jobs with these settings use, with its files. */
export async function selectLibraryModel(settings: RunSettings): Promise<SelectedModel> {
  return await selectModel({
    library: openModelLibrary(settings),
    wanted: settings.model,
    variantSetting: settings.modelVariant,
    cpu: await readCpuFeatures(),
  });
}

/** The model that jobs with these settings use, and a line that says which one and why. */
export async function selectJobModel(settings: RunSettings): Promise<{ ref: ModelRef; notice: string }> {
  const { model, reason, notice } = await selectLibraryModel(settings);
  return {
    ref: refOf(model.manifest),
    notice: notice ?? `Using model ${modelTitle(model.manifest)}: ${reason}.`,
  };
}
