// The checks of `imgcls doctor` for one machine.

import { randomUUID } from 'node:crypto';
import { access, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openOptimisedModels } from '../../app/optimised-models.ts';
import { openModelLibrary, selectLibraryModel } from '../../app/select-job-model.ts';
import type { RunSettings } from '../../app/settings.ts';
import { modelTitle } from '../../core/model/model.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { actionNeeded, type Check, type CheckResult, ok } from '../../doctor/check.ts';
import { checkHeicDecoder } from '../../doctor/machine.ts';
import { checkStoredObjects } from '../../doctor/stored-objects.ts';
import { openLocalBuckets } from '../../local/cloud.ts';
import { inspectLocalCloud } from '../../local/inspect.ts';
import { heicDecoderVersion, heicInstallCommand } from '../../model/heic-decoder.ts';
import { refuseDamaged } from '../../model/optimised.ts';

/** The folder or, if it does not exist, its nearest existing parent. */
export async function nearestFolder(folder: string): Promise<string> {
  const exists = await access(folder).then(
    () => true,
    () => false,
  );
  return exists || folder === path.dirname(folder) ? folder : await nearestFolder(path.dirname(folder));
}

/** Tries it with a file that it removes again. */
export async function checkWritable(folder: string): Promise<CheckResult> {
  const hint = 'Make it writable, or choose another folder with --data-dir (IMGCLS_DATA_DIR).';
  const nearest = await nearestFolder(folder);
  if (!(await stat(nearest)).isDirectory()) return actionNeeded(`${nearest} is not a folder.`, hint);
  const probe = path.join(nearest, `.imgcls-doctor-${randomUUID()}`);
  try {
    await writeFile(probe, 'imgcls', { flag: 'wx' });
  } catch (error) {
    return actionNeeded(`Cannot write to ${nearest}: ${messageOf(error)}`, hint);
  } finally {
    await rm(probe, { force: true });
  }
  return ok(nearest === folder ? folder : `${folder} can be created`);
}

/** At most so many damaged objects are listed; the others are counted. */
const MAX_NAMED = 5;

/** Checks that the store of this machine has all that its database lists. */
export function storeCheck(
  { dataDir, cluster }: Pick<RunSettings, 'dataDir' | 'cluster'>,
  signal: AbortSignal,
): Check {
  return {
    name: 'stored objects',
    async run() {
      const found = await inspectLocalCloud({ dataDir, cluster }, signal);
      if (found === undefined) return ok('nothing is stored yet');
      const { files, damaged } = found;
      if (damaged.length === 0) return ok(`the database and ${pluralize(files, 'file')} are intact`);
      const named = damaged.slice(0, MAX_NAMED).map(({ key, damage }) => `\n${key}: ${damage}`);
      const more = damaged.length > MAX_NAMED ? `\nand ${damaged.length - MAX_NAMED} more` : '';
      return actionNeeded(
        `${pluralize(damaged.length, 'damaged object')}:${named.join('')}${more}`,
        'Upload images (objects under images/) again. Delete the jobs of other damaged objects with "imgcls rm".',
      );
    },
  };
}

/** Checks that every stored object is one of imgcls. */
export function objectsCheck(place: Pick<RunSettings, 'dataDir' | 'cluster'>, signal: AbortSignal): Check {
  return {
    name: 'objects',
    async run() {
      const buckets = openLocalBuckets(place);
      if (buckets === undefined) return ok('nothing is stored yet');
      try {
        return await checkStoredObjects(buckets, signal);
      } finally {
        await buckets.close();
      }
    },
  };
}

/** Checks the model that jobs use, that the runtime can run it, and which decoders there are. */
export function localModelChecks(settings: RunSettings, signal: AbortSignal): Check[] {
  return [
    {
      name: 'model',
      async run() {
        const { model, reason } = await selectLibraryModel(settings);
        return ok(`${modelTitle(model.manifest)}: ${reason}`);
      },
    },
    {
      name: 'runtime',
      async run() {
        const { model } = await selectLibraryModel(settings);
        await openModelLibrary(settings).verify(model);
        await refuseDamaged(openOptimisedModels(settings), model.manifest, signal);
        return ok(`loads ${modelTitle(model.manifest)} and runs it`);
      },
    },
    { name: 'HEIC', run: async () => checkHeicDecoder(await heicDecoderVersion(), heicInstallCommand()) },
  ];
}
