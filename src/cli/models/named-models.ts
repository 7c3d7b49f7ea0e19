import type { LibraryModel, ModelLibrary } from '../../model/library.ts';

/** The installed models of a title, NAME or NAME/VARIANT. @throws {ImgclsError} of kind `usage` if there are none. */
export async function named(library: ModelLibrary, title: string): Promise<LibraryModel[]> {
  const { findByTitle } = await import('../../model/select-model.ts');
  return await findByTitle(library, title);
}
