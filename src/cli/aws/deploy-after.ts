// The steps after a deployment: write the settings, push the model, print the outputs.

import { openModelLibrary } from '../../app/select-job-model.ts';
import { loadSettings, type RunSettings, userConfigFile } from '../../app/settings.ts';
import { changeSettingsFile } from '../../app/settings-file.ts';
import { systemClock } from '../../app/system-clock.ts';
import type { Stack } from '../../core/aws-account/stacks.ts';
import type { Store } from '../../core/cloud/ports.ts';
import { modelTitle } from '../../core/model/model.ts';
import { oldPricesWarning, priceWarnings } from '../../core/money/prices.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import { environmentName, type SettingName } from '../../core/settings/settings.ts';
import { clusterSettings, type SettingValues, withCluster } from '../../deploy/cluster-settings.ts';
import { pushModel } from '../../model/fetch.ts';
import { notice, warn } from '../terminal/notice.ts';
import { screenOf, UNBOUNDED } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';

export interface AfterDeployParts {
  settings: RunSettings;
  /** Config file to write; default: the user's own. */
  file: string | undefined;
  store(bucket: string): Store;
  signal: AbortSignal;
}

/** Writes the cluster's settings, pushes its model to the output bucket, and prints the stack's outputs. */
export async function finishDeployment(
  stack: Stack,
  { settings, file, store, signal }: AfterDeployParts,
): Promise<void> {
  const values = clusterSettings(settings.cluster, stack);
  await writeSettings(values, file);
  await pushModels(values, { settings, store, signal });
  if (stack.parameters.WithController === 'false')
    notice(
      'The cluster has no controller. Keep "imgcls scale" running somewhere: without it no workers are launched.',
    );
  warnOfPrices(stack, settings);
  const outputs = Object.entries(stack.outputs).sort(([a], [b]) => a.localeCompare(b));
  // Addresses and names are to be copied: a terminal wraps them, and none is cut.
  const screen = screenOf(process.stdout) && UNBOUNDED;
  process.stdout.write(`${drawTable(['output', 'value'], outputs, { frame: 'none', screen })}\n`);
  notice('To label images: imgcls label FOLDER');
}

/** The id of a stack has its region. */
function warnOfPrices({ id, parameters: { InstanceType } }: Stack, { pricePerHour }: RunSettings): void {
  if (InstanceType === undefined || pricePerHour !== undefined) return;
  for (const warning of priceWarnings([InstanceType], { region: id.split(':')[3] })) warn(warning);
  const old = oldPricesWarning(systemClock.nowMs());
  if (old !== undefined) notice(old);
}

async function writeSettings(values: SettingValues, file = userConfigFile(process.env)): Promise<void> {
  let before: unknown;
  const changed = await changeSettingsFile(file, (present) => {
    before = present.cluster;
    return withCluster(present, values);
  });
  const { cluster } = values;
  if (changed && before !== undefined && before !== cluster)
    notice(
      `Replaced the settings of cluster ${before} in ${file}. "IMGCLS_CLUSTER=${before} imgcls deploy" writes them again.`,
    );
  notice(
    changed
      ? `Wrote the settings of cluster ${cluster} to ${file}.`
      : `${file} already has the settings of cluster ${cluster}.`,
  );
  warnOfOverrides(values);
}

/** Warns about settings that take precedence over the file that was written. */
function warnOfOverrides(values: SettingValues): void {
  try {
    const { settings, origins } = loadSettings({});
    const others = (Object.keys(values) as SettingName[])
      .filter((name) => JSON.stringify(settings[name]) !== JSON.stringify(values[name]))
      .map((name) => `${name} (${origins[name] === 'environment' ? environmentName(name) : origins[name]})`);
    if (others.length > 0) warn(`Other settings take precedence in this folder: ${others.join(', ')}.`);
  } catch (error) {
    notice(messageOf(error));
  }
}

/** Submitters need the model locally; workers load it from the output bucket. */
async function pushModels(
  { model, outputBucket }: SettingValues,
  { settings, store, signal }: Pick<AfterDeployParts, 'settings' | 'store' | 'signal'>,
): Promise<void> {
  if (typeof model !== 'string') return;
  const variants = await openModelLibrary(settings).find(model);
  if (variants.length === 0)
    notice(
      `Model ${model} is not installed here. Run "imgcls model pull ${model}", then "imgcls model push ${model}".`,
    );
  for (const variant of variants) {
    const pushed = await pushModel(variant, store(String(outputBucket)), signal);
    const title = modelTitle(variant.manifest);
    notice(
      pushed ? `Pushed model ${title} to ${outputBucket}.` : `Model ${title} is already in ${outputBucket}.`,
    );
  }
}
