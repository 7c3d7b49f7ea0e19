// What `imgcls doctor` checks where everything is on one machine.

import { randomUUID } from 'node:crypto';
import { access, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { openModelLibrary, selectLibraryModel } from '../../app/select-job-model.ts';
import type { RunSettings } from '../../app/settings.ts';
import { modelTitle } from '../../core/model/model.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import { actionNeeded, type Check, type CheckResult, ok } from '../../doctor/check.ts';

/** The folder itself or, where it is not there yet, the one in which it would be made. */
export async function nearestFolder(folder: string): Promise<string> {
  const isThere = await access(folder).then(
    () => true,
    () => false,
  );
  return isThere || folder === path.dirname(folder) ? folder : await nearestFolder(path.dirname(folder));
}

/** Writes a file there and removes it. */
export async function checkWritable(folder: string): Promise<CheckResult> {
  const hint = 'Make it writable, or choose another folder with --data-dir (IMGCLS_DATA_DIR).';
  const nearest = await nearestFolder(folder);
  if (!(await stat(nearest)).isDirectory()) return actionNeeded(`${nearest} is no folder.`, hint);
  const probe = path.join(nearest, `.imgcls-doctor-${randomUUID()}`);
  try {
    await writeFile(probe, 'imgcls', { flag: 'wx' });
  } catch (error) {
    return actionNeeded(`Nothing can be written to ${nearest}: ${messageOf(error)}`, hint);
  } finally {
    await rm(probe, { force: true });
  }
  return ok(nearest === folder ? folder : `${folder} can be made`);
}

/** The model that jobs of these settings get, and whether the runtime runs it. */
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
