// The model of jobs that name none: `imgcls model use` chooses it, and `imgcls model remove` may remove it.

import { ImgclsError } from '../../core/runtime/errors.ts';
import type { ModelCommandDeps } from './model.ts';
import { named } from './named-models.ts';

/** Makes a model the one of jobs that name none. @throws {ImgclsError} of kind `usage` if it is not installed. */
export async function use({ library, settings, out, err }: ModelCommandDeps, title: string): Promise<void> {
  const { parseModelTitle } = await import('../../model/select-model.ts');
  const { writeDefaultModel } = await import('../../model/default-model.ts');
  const { name, variant } = parseModelTitle(title);
  if (variant !== undefined)
    throw new ImgclsError(
      'usage',
      `Cannot make ${title} the default: the default is a name without a variant.`,
      {
        hint: `Run "imgcls model use ${name}". The setting modelVariant chooses the variant.`,
      },
    );
  await named(library, name);
  await writeDefaultModel(library.modelsDir, name);
  out.write(`${name} is the default model.\n`);
  if (settings.model !== undefined && settings.model !== name)
    err.write(
      `warning: The setting model (${settings.model}) comes first. "imgcls config" shows where it is set.\n`,
    );
}

export async function removeModel(
  { library, optimised, out, err }: ModelCommandDeps,
  title: string,
): Promise<void> {
  const { parseModelTitle } = await import('../../model/select-model.ts');
  const { name, variant } = parseModelTitle(title);
  const models = (await library.find(name, variant)).filter(({ bundled }) => !bundled);
  for (const { manifest } of models) await optimised.remove(manifest.sha256);
  for (const dir of await library.remove(name, variant)) out.write(`Removed ${dir}\n`);
  const { forgetDefaultModel, readDefaultModel } = await import('../../model/default-model.ts');
  const isDefault = (await readDefaultModel(library.modelsDir)) === name;
  if (!isDefault || (await library.find(name)).length > 0) return;
  await forgetDefaultModel(library.modelsDir);
  err.write(`${name} was the default model. Jobs use the bundled one again.\n`);
}
