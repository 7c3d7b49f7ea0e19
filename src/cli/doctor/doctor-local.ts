// The checks of `imgcls doctor` for one machine.

import { randomUUID } from 'node:crypto';
import { access, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openModelLibrary, selectLibraryModel } from '../../app/select-job-model.ts';
import type { RunSettings } from '../../app/settings.ts';
import { modelTitle } from '../../core/model/model.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import { actionNeeded, type Check, type CheckResult, ok } from '../../doctor/check.ts';

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

/** Checks the model that jobs use, and that the runtime can run it. */
export function localModelChecks(settings: RunSettings): Check[] {
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
        return ok(`loads ${modelTitle(model.manifest)} and runs it`);
      },
    },
  ];
}
