// The models that a runner has in memory.

import type { ModelLocation } from '../core/model/runner-protocol.ts';
import { type Classifier, createClassifier } from './classifier.ts';
import type { DecodeLimits } from './decode.ts';

/** Two: enough for two jobs that alternate, or for a job that follows another; each costs 60 to 400 MB. */
const KEPT_MODELS = 2;

export interface LoadedModels {
  /**
   * Runs `work` with a model, which is loaded where it is not there yet; the two last used stay loaded.
   * @throws what loading throws (the next use tries again), and what `work` throws.
   */
  use<T>(place: ModelLocation, work: (classifier: Classifier) => Promise<T>): Promise<T>;
}

interface Entry {
  loading: Promise<Classifier>;
  /** Work under way; a model is freed only after it. */
  inUse: Set<Promise<unknown>>;
}

/** @param load for tests. */
export function createLoadedModels(
  limits: DecodeLimits,
  load: typeof createClassifier = createClassifier,
): LoadedModels {
  // By sha256; a Map keeps the order of insertion, here that of the last use.
  const entries = new Map<string, Entry>();

  const touch = (place: ModelLocation): Entry => {
    const known = entries.get(place.sha256);
    const entry = known ?? { loading: load({ ...place, ...limits }), inUse: new Set() };
    // A failed load is forgotten: what was wrong with the folder may be put right.
    entry.loading.catch(() => {
      if (entries.get(place.sha256) === entry) entries.delete(place.sha256);
    });
    entries.delete(place.sha256);
    entries.set(place.sha256, entry);
    return entry;
  };

  /** Before a load, so that there are never more in memory than are kept, save those still in use. */
  const evictFor = async (place: ModelLocation): Promise<void> => {
    if (entries.has(place.sha256)) return;
    const surplus = [...entries].slice(0, Math.max(0, entries.size - KEPT_MODELS + 1));
    for (const [sha256] of surplus) entries.delete(sha256);
    await Promise.all(surplus.map(([, entry]) => free(entry)));
  };

  return {
    async use(place, work) {
      await evictFor(place);
      const entry = touch(place);
      const done = entry.loading.then(work);
      entry.inUse.add(done);
      try {
        return await done;
      } finally {
        entry.inUse.delete(done);
      }
    },
  };
}

async function free(entry: Entry): Promise<void> {
  await Promise.allSettled(entry.inUse);
  const classifier = await entry.loading.catch(() => undefined);
  await classifier?.dispose();
}
