/**
 * Labels that a job brings itself, for a model that compares images with texts (CLIP, SigLIP). The submitter turns each label into
 * a vector once; workers compare images with these.
 */
import * as z from 'zod';
import { ImgclsError, PoisonError } from '../runtime/errors.ts';
import { FORMAT, formatVersion, parseVersioned } from '../runtime/versioned.ts';
import type { ClassLabel } from './model.ts';

/** Their vectors go to a runner with each request of up to eight images: 2 MB of 512 numbers a label. */
export const MAX_WORDS = 1000;
/** Models read 64 or 77 tokens of a text: some 50 words. */
export const MAX_WORD_CHARACTERS = 300;

const wordsDocument = z.object({
  v: formatVersion,
  labels: z.array(z.string().min(1).max(MAX_WORD_CHARACTERS)).min(1).max(MAX_WORDS),
  /** 32-bit numbers, little endian, in base64: a vector of length 1 for each label. */
  vectors: z.base64(),
});

export interface Words {
  /** Of the stored document. */
  sha256: string;
  labels: readonly ClassLabel[];
  /** A vector of length 1 for each label, one after the other. */
  vectors: Float32Array;
}

/** `jobs/<jobId>/words.json`. The job's model pins its sha256. */
export const formatWords = (labels: readonly string[], vectors: Float32Array): Buffer =>
  Buffer.from(
    JSON.stringify({
      v: FORMAT,
      labels,
      vectors: Buffer.from(vectors.buffer, vectors.byteOffset, vectors.byteLength).toString('base64'),
    }),
  );

/** @throws {PoisonError} @throws {NewerVersionError} */
export function parseWords(text: string, sha256: string): Words {
  const { labels, vectors } = parseVersioned(wordsDocument, text, 'labels of the job');
  const bytes = Uint8Array.from(Buffer.from(vectors, 'base64'));
  if (bytes.length === 0 || bytes.length % (Float32Array.BYTES_PER_ELEMENT * labels.length) !== 0)
    throw new PoisonError('The labels of the job have the wrong format: vectors do not match the labels.');
  return { sha256, labels: labels.map(classOf), vectors: new Float32Array(bytes.buffer) };
}

/** Runs the making of a set of labels when it is its turn: each one loads the text side of a model. */
export type InTurn = <T>(make: () => Promise<T>) => Promise<T>;

/** The model has no labels of its own, and the job brings none. */
export class LabelsNeededError extends ImgclsError {
  constructor(title: string) {
    super('usage', `${title} has no labels of its own.`, {
      hint: 'Say which labels to choose from: --labels "cat, dog, bird", or --labels-file FILE with a label a line.',
    });
  }
}

const classOf = (label: string, index: number): ClassLabel => ({ wnid: String(index), label });

/** The classifier of a model with labels of the job's own. @param classifier of the model. */
export const classifierWith = (classifier: string, words: string | undefined): string =>
  words === undefined ? classifier : `${classifier}/${words}`;

/**
 * The labels as people gave them, without space around them.
 * @throws {ImgclsError} of kind `usage` that names the first wrong one by its number.
 */
export function checkedWords(given: readonly string[]): string[] {
  const refuse = (why: string) => new ImgclsError('usage', `Wrong labels: ${why}.`);
  if (given.length > MAX_WORDS) throw refuse(`there are ${given.length}; the limit is ${MAX_WORDS}`);
  if (given.length === 0) throw refuse('there are none');
  const labels = given.map((label) => label.trim());
  const numbers = new Map<string, number>();
  for (const [index, label] of labels.entries()) {
    const number = index + 1;
    if (label === '') throw refuse(`number ${number} is empty`);
    if (label.length > MAX_WORD_CHARACTERS)
      throw refuse(`number ${number} has ${label.length} characters; the limit is ${MAX_WORD_CHARACTERS}`);
    const earlier = numbers.get(label);
    if (earlier !== undefined) throw refuse(`number ${number} repeats number ${earlier} (${label})`);
    numbers.set(label, number);
  }
  return labels;
}
