// Labels for a service, which gets the same ones with many images.

import { makeSerialQueue } from '../serial-queue.ts';
import { type MadeWords, type MakeWords, makeWords } from './make-words.ts';

/** They take 3 MB each at most. */
const KEPT = 8;

/** Keeps the labels that were used last. Others are made one at a time, since each run loads the text side of a model. */
export function createWordsMaker(make: MakeWords = makeWords): MakeWords {
  const kept = new Map<string, Promise<MadeWords>>();
  const inSequence = makeSerialQueue();
  return (model, labels, template) => {
    const key = JSON.stringify([model.manifest, labels, template]);
    const made = kept.get(key) ?? inSequence(() => make(model, labels, template));
    kept.delete(key);
    kept.set(key, made);
    made.catch(() => kept.delete(key));
    const [oldest] = kept.keys();
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    return made;
  };
}
