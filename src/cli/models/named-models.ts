import type { LibraryModel, ModelLibrary } from '../../model/library.ts';

/** The installed models of a title, NAME or NAME/VARIANT. @throws {ImgclsError} of kind `usage` if there are none. */
export async function named(library: ModelLibrary, title: string): Promise<LibraryModel[]> {
  const { findByTitle } = await import('../../model/select-model.ts');
  return await findByTitle(library, title);
}

/** Installing a model changes nothing for jobs that do not name it. */
export const howToUse = (name: string): string =>
  `Use it with --model ${name}, or make it the default with "imgcls model use ${name}".\n`;
