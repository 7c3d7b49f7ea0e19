// The labels that a job brings itself, for a model without labels of its own.

import { type ModelRef, modelTitle } from '../core/model/model.ts';
import { LabelsNeededError } from '../core/model/words.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { type MakeWords, makeWords } from '../model/words/make-words.ts';
import type { JobModel } from './select-job-model.ts';
import type { RunSettings } from './settings.ts';

/** The model of a job, and its labels with their vectors, if it brings some. */
export interface ModelWithWords {
  model: ModelRef;
  words?: Uint8Array;
}

/**
 * @param labels as people gave them; undefined: the model has labels of its own.
 * @throws {ImgclsError} of kind `usage` if a label is wrong, or if the model does not go with them.
 */
export async function withWords(
  { ref, needsLabels, installed }: JobModel,
  labels: readonly string[] | undefined,
  { labelTemplate }: Pick<RunSettings, 'labelTemplate'>,
  make: MakeWords = makeWords,
): Promise<ModelWithWords> {
  if (labels === undefined) {
    if (needsLabels) throw new LabelsNeededError(modelTitle(ref));
    return { model: ref };
  }
  if (installed === undefined)
    throw new ImgclsError('usage', `${modelTitle(ref)} is not installed here, so it cannot read labels.`, {
      hint: 'Install it here, too: imgcls model pull hf:OWNER/NAME, or imgcls model import FOLDER',
    });
  const { document, sha256 } = await make(installed, labels, labelTemplate);
  return { model: { ...ref, words: sha256 }, words: document };
}
