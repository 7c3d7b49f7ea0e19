// Reads what a classifier returns from config.json of the Hugging Face Hub: its classes, and how outputs become scores.

import * as z from 'zod';
import type { ClassLabel, ModelManifest } from '../../core/model/model.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { firstIssue } from '../../core/runtime/versioned.ts';
import { harmless } from '../../core/text/harmless.ts';

export const CONFIG_FILE = 'config.json';

/** The largest set of classes in use, ImageNet-21k, has 21,843. Every label is sorted by its score for each image. */
const MAX_CLASSES = 30_000;
/** Results hold up to 100 labels an image. */
const MAX_LABEL_CHARACTERS = 1000;

const config = z.object({
  architectures: z.array(z.string()).min(1),
  id2label: z.record(z.string(), z.string()),
  problem_type: z.string().nullish(),
  num_channels: z.int().nullish(),
});

export interface Head {
  labels: ClassLabel[];
  activation: ModelManifest['activation'];
}

/**
 * @param file the parsed content.
 * @param shownAs the file to name in errors.
 * @throws {ImgclsError} of kind `usage` if the model is no image classifier, or has classes without a label.
 */
export function headOf(file: unknown, shownAs: string): Head {
  const refuse = (why: string) => new ImgclsError('usage', `${shownAs}: ${harmless(why)}.`);
  const architecture = z.object({ architectures: config.shape.architectures }).safeParse(file);
  if (!architecture.success)
    throw refuse('architectures is missing, which says whether the model is an image classifier');
  const [name = ''] = architecture.data.architectures;
  if (!name.includes('ForImageClassification')) throw refuse(`${name} is not an image classifier`);
  const { id2label: named } = z.object({ id2label: z.unknown() }).parse(file);
  if (named === undefined || named === null) throw refuse('id2label is missing, which names the classes');
  const parsed = config.safeParse(file);
  if (!parsed.success) throw refuse(firstIssue(parsed.error));
  const { id2label, num_channels: channels, problem_type: problem } = parsed.data;
  if (channels !== undefined && channels !== null && channels !== 3)
    throw refuse(`the model takes images of ${channels} channels, not 3`);
  const labels = labelsOf(id2label, refuse);
  return { labels, activation: activationOf(problem ?? undefined, labels.length, refuse) };
}

function activationOf(
  problem: string | undefined,
  classes: number,
  refuse: (why: string) => ImgclsError,
): ModelManifest['activation'] {
  // The softmax of one number is 1 for every image.
  if (problem === undefined || problem === 'single_label_classification')
    return classes === 1 ? 'sigmoid' : 'softmax';
  if (problem === 'multi_label_classification') return 'sigmoid';
  throw refuse(`problem_type ${problem} is not supported`);
}

function labelsOf(id2label: Record<string, string>, refuse: (why: string) => ImgclsError): ClassLabel[] {
  const count = Object.keys(id2label).length;
  if (count === 0) throw refuse('id2label has no label');
  if (count > MAX_CLASSES) throw refuse(`id2label has ${count} labels; the limit is ${MAX_CLASSES}`);
  return Array.from({ length: count }, (_, id) => {
    const label = id2label[id];
    if (label === undefined) throw refuse(`id2label has ${count} labels but none for class ${id}`);
    if (label.trim() === '') throw refuse(`the label of class ${id} is empty`);
    if (label.length > MAX_LABEL_CHARACTERS)
      throw refuse(`the label of class ${id} has more than ${MAX_LABEL_CHARACTERS} characters`);
    return { wnid: String(id), label };
  });
}

/** Lists of ImageNet's labels spell some classes in their own way, and no other set has so many in the same order. */
const LEAST_SAME = 0.9;

/**
 * Gives classes their WordNet ids if they are ImageNet's 1,000, by which categories, synonyms and labelled images find them.
 * Labels there list synonyms: "tench, Tinca tinca".
 */
export function withWordNetIds(labels: ClassLabel[], imageNet: readonly ClassLabel[]): ClassLabel[] {
  if (labels.length !== imageNet.length) return labels;
  const same = labels.filter(({ label }, id) => synonymsIn(label).includes(plain(imageNet[id]?.label ?? '')));
  if (same.length < LEAST_SAME * labels.length) return labels;
  return labels.map(({ label }, id) => ({ wnid: imageNet[id]?.wnid ?? '', label }));
}

const synonymsIn = (label: string): string[] => label.split(',').map(plain);
const plain = (label: string): string => label.replaceAll('_', ' ').trim().toLowerCase();
