import { hash } from 'node:crypto';
import type { Store } from '../../core/cloud/ports.ts';
import { readObject } from '../../core/cloud/read-object.ts';
import { type ModelRef, modelTitle } from '../../core/model/model.ts';
import { parseWords, type Words } from '../../core/model/words.ts';
import {
  isUnreadable,
  ModelMissingError,
  ObjectMissingError,
  PoisonError,
} from '../../core/runtime/errors.ts';

/** The labels that a job or a request brings itself, with their pinned sha256. */
export type ReadWords = (pinned: { job: string; sha256: string }, signal: AbortSignal) => Promise<Words>;

/** As many as a worker has jobs at a time, or nearly so. They take 4 MB at most. */
const KEPT_WORDS = 4;

interface WordsPlace {
  store: Store;
  keyOf(job: string): string;
}

/** Reads each job's labels once, unless many jobs take turns. */
export function createWordsReader(place: WordsPlace): ReadWords {
  const kept = new Map<string, Words>();
  return async ({ job, sha256 }, signal) => {
    const words = kept.get(sha256) ?? (await read(place, { job, sha256 }, signal));
    kept.delete(sha256);
    kept.set(sha256, words);
    const [oldest] = kept.keys();
    if (kept.size > KEPT_WORDS && oldest !== undefined) kept.delete(oldest);
    return words;
  };
}

async function read(
  { store, keyOf }: WordsPlace,
  { job, sha256 }: Parameters<ReadWords>[0],
  signal: AbortSignal,
): Promise<Words> {
  const parse = (text: string) => {
    if (hash('sha256', text) !== sha256) throw new PoisonError('The labels are not those of the job.');
    return parseWords(text, sha256);
  };
  try {
    return (await readObject(store, keyOf(job), parse, { signal })).value;
  } catch (error) {
    if (!(error instanceof ObjectMissingError) && !isUnreadable(error)) throw error;
    throw new ModelMissingError(`The labels of job ${job} are missing or were changed.`, { cause: error });
  }
}

/** No machine can classify with them: it is the outcome of every image. */
export const wrongLabels = (model: ModelRef): ModelMissingError =>
  new ModelMissingError(
    model.words === undefined
      ? `${modelTitle(model)} has no labels of its own. Submit the images with labels.`
      : `${modelTitle(model)} has labels of its own; a job cannot bring others.`,
  );
