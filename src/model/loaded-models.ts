// The models in a runner's memory.

import type { ModelLocation } from '../core/model/runner-protocol.ts';
import { type Classifier, createClassifier } from './classifier.ts';
import type { DecodeLimits } from './decode/decode-failure.ts';

/** Enough for two jobs that alternate, or for one job after another. Each model takes 60 to 400 MB. */
const KEPT_MODELS = 2;

export interface LoadedModels {
  /**
   * Runs `work` with a model; loads it first if needed. The two models used last stay loaded.
   * @throws errors of loading (the next use tries again) and of `work`.
   */
  use<T>(location: ModelLocation, work: (classifier: Classifier) => Promise<T>): Promise<T>;
}

interface Entry {
  loading: Promise<Classifier>;
  /** Work in progress. The model is freed only after it ends. */
  inUse: Set<Promise<unknown>>;
}

/** @param load for tests. */
export function createLoadedModels(
  limits: DecodeLimits,
  load: typeof createClassifier = createClassifier,
): LoadedModels {
  // By sha256, in order of last use: a Map keeps the order of insertion.
  const entries = new Map<string, Entry>();

  const touch = (location: ModelLocation): Entry => {
    const known = entries.get(location.sha256);
    const entry = known ?? { loading: load({ ...location, ...limits }), inUse: new Set() };
    // Forget a failed load: the folder may be repaired.
    entry.loading.catch(() => {
      if (entries.get(location.sha256) === entry) entries.delete(location.sha256);
    });
    entries.delete(location.sha256);
    entries.set(location.sha256, entry);
    return entry;
  };

  /** Runs before a load: except for models in use, there are never more than KEPT_MODELS in memory. */
  const evictFor = async (location: ModelLocation): Promise<void> => {
    if (entries.has(location.sha256)) return;
    const surplus = [...entries].slice(0, Math.max(0, entries.size - KEPT_MODELS + 1));
    for (const [sha256] of surplus) entries.delete(sha256);
    await Promise.all(surplus.map(([, entry]) => free(entry)));
  };

  return {
    async use(location, work) {
      await evictFor(location);
      const entry = touch(location);
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
