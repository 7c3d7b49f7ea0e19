// The labels that a job brings itself, with their vectors.

import { hash } from 'node:crypto';
import { modelTitle } from '../../core/model/model.ts';
import { checkedWords, formatWords } from '../../core/model/words.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { LibraryModel } from '../library.ts';
import type { textVectors } from './text-side.ts';

/** Stands for the label in a template. */
const PLACE = '{}';

export interface MadeWords {
  document: Uint8Array;
  sha256: string;
}

export type MakeWords = (
  model: LibraryModel,
  given: readonly string[],
  template?: string,
) => Promise<MadeWords>;

/** Runs the text side of a model, in the folder `dir`. */
export type TextVectors = typeof textVectors;

const inThisProcess: TextVectors = async (...texts) => (await import('./text-side.ts')).textVectors(...texts);

/**
 * @param template the text of a label; default: the model's.
 * @throws {ImgclsError} of kind `usage` if a label, the number of labels, the template or the model is wrong.
 */
export async function makeWords(
  { manifest, dir }: LibraryModel,
  given: readonly string[],
  template = manifest.zeroShot?.template,
  vectorsOf: TextVectors = inThisProcess,
): Promise<MadeWords> {
  const labels = checkedWords(given);
  const { zeroShot } = manifest;
  if (zeroShot === undefined || template === undefined) throw hasLabels(modelTitle(manifest));
  if (!template.includes(PLACE))
    throw new ImgclsError('usage', `The template "${template}" lacks ${PLACE}, the place of the label.`);
  if (manifest.activation === 'softmax' && labels.length === 1)
    throw new ImgclsError(
      'usage',
      `With one label, every image has it for certain. Give ${modelTitle(manifest)} two or more.`,
    );
  const texts = labels.map((label) => template.replaceAll(PLACE, label));
  const document = formatWords(labels, await vectorsOf(dir, texts, zeroShot.text));
  return { document, sha256: hash('sha256', document) };
}

const hasLabels = (title: string): ImgclsError =>
  new ImgclsError('usage', `${title} has labels of its own and takes no others.`, {
    hint: 'Name a model of the kind of CLIP or SigLIP: imgcls model pull hf:OWNER/NAME',
  });
