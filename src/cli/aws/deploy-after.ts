// What follows a deployment: settings, model, and what its user should know.

import { openModelLibrary } from '../../app/select-job-model.ts';
import { loadSettings, type RunSettings, userConfigFile } from '../../app/settings.ts';
import { changeSettingsFile } from '../../app/settings-file.ts';
import type { Stack } from '../../core/aws-account/stacks.ts';
import type { Store } from '../../core/cloud/ports.ts';
import { modelTitle } from '../../core/model/model.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import { environmentName, type SettingName } from '../../core/settings/settings.ts';
import { clusterSettings, type SettingValues, withCluster } from '../../deploy/cluster-settings.ts';
import { pushModel } from '../../model/fetch.ts';
import { notice } from '../terminal/notice.ts';
import { drawTable } from '../terminal/table.ts';

export interface Afterwards {
  settings: RunSettings;
  /** Config file to write; else the user's own. */
  file: string | undefined;
  store(bucket: string): Store;
  signal: AbortSignal;
}

/** Writes the cluster's settings, brings it its model, and prints what it consists of on standard output. */
export async function announceCluster(
  stack: Stack,
  { settings, file, store, signal }: Afterwards,
): Promise<void> {
  const values = clusterSettings(settings.cluster, stack);
  await writeSettings(values, file);
  await bringModel(values, { settings, store, signal });
  if (stack.parameters.WithController === 'false')
    notice(
      'it has no controller: nothing is launched before "imgcls scale" runs somewhere, and stays running.',
    );
  const outputs = Object.entries(stack.outputs).sort(([a], [b]) => a.localeCompare(b));
  process.stdout.write(`${drawTable(['output', 'value'], outputs, { frame: 'none' })}\n`);
}

async function writeSettings(values: SettingValues, file = userConfigFile(process.env)): Promise<void> {
  let before: unknown;
  const changed = await changeSettingsFile(file, (present) => {
    before = present.cluster;
    return withCluster(present, values);
  });
  const { cluster } = values;
  if (changed && before !== undefined && before !== cluster)
    notice(`${file} was about cluster ${before}; now it is about ${cluster}.`);
  notice(`the settings of cluster ${cluster} ${changed ? 'are' : 'were already'} in ${file}.`);
  tellOverrides(values);
}

/** Whatever comes before that file, or keeps it from being found, would surprise its user. */
function tellOverrides(values: SettingValues): void {
  try {
    const { settings, origins } = loadSettings({});
    const others = (Object.keys(values) as SettingName[])
      .filter((name) => JSON.stringify(settings[name]) !== JSON.stringify(values[name]))
      .map((name) => `${name} (${origins[name] === 'environment' ? environmentName(name) : origins[name]})`);
    if (others.length > 0)
      notice(`commands that run here have other settings in their place: ${others.join(', ')}.`);
  } catch (error) {
    notice(messageOf(error));
  }
}

/** A job can only name a model that its submitter has, and workers find it in the output bucket. */
async function bringModel(
  { model, outputBucket }: SettingValues,
  { settings, store, signal }: Pick<Afterwards, 'settings' | 'store' | 'signal'>,
): Promise<void> {
  if (typeof model !== 'string') return;
  const variants = await openModelLibrary(settings).find(model);
  if (variants.length === 0)
    notice(
      `model ${model} is not installed here: imgcls model pull ${model}, then imgcls model push ${model}`,
    );
  for (const variant of variants) {
    const pushed = await pushModel(variant, store(String(outputBucket)), signal);
    notice(`model ${modelTitle(variant.manifest)} ${pushed ? 'is' : 'was already'} in ${outputBucket}.`);
  }
}
