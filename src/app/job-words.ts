// The labels that a job brings itself, for a model without labels of its own.

import { type ModelRef, modelTitle } from '../core/model/model.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import { makeWords } from '../model/words/make-words.ts';
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
  { ref, installed }: JobModel,
  labels: readonly string[] | undefined,
  { labelTemplate }: Pick<RunSettings, 'labelTemplate'>,
): Promise<ModelWithWords> {
  if (labels === undefined) {
    if (installed?.manifest.zeroShot === undefined) return { model: ref };
    throw new ImgclsError('usage', `${modelTitle(ref)} has no labels of its own.`, {
      hint: 'Say which labels to choose from: --labels "cat, dog, bird", or --labels-file FILE with a label a line.',
    });
  }
  if (installed === undefined)
    throw new ImgclsError('usage', `${modelTitle(ref)} is not installed here, so it cannot read labels.`, {
      hint: 'Import it from its folder: imgcls model import FOLDER',
    });
  const { document, sha256 } = await makeWords(installed, labels, labelTemplate);
  return { model: { ...ref, words: sha256 }, words: document };
}
