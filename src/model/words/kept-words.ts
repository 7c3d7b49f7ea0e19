// Labels for a service or a program, which gets the same ones with many images.

import type { InTurn } from '../../core/model/words.ts';
import { makeSerialQueue } from '../serial-queue.ts';
import { type MadeWords, type MakeWords, makeWords } from './make-words.ts';

/** They take 3 MB each at most. */
const KEPT = 8;

/** @param inTurn default: one set at a time, in order of the calls. */
export type KeptWords = (...labels: [...Parameters<MakeWords>, inTurn?: InTurn]) => Promise<MadeWords>;

/** Keeps the labels that were used last. The same ones are made once, also for calls at the same time. */
export function createWordsMaker(make: MakeWords = makeWords): KeptWords {
  const kept = new Map<string, Promise<MadeWords>>();
  const inSequence = makeSerialQueue();
  return (model, labels, template, inTurn = inSequence) => {
    const key = JSON.stringify([model.manifest, labels, template]);
    const made = kept.get(key) ?? inTurn(() => make(model, labels, template));
    kept.delete(key);
    kept.set(key, made);
    made.catch(() => kept.delete(key));
    const [oldest] = kept.keys();
    if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    return made;
  };
}
