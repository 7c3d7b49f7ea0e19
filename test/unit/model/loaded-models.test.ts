import { describe, expect, it } from 'vitest';
import type { Classifier } from '../../../src/model/classifier.ts';
import { createLoadedModels } from '../../../src/model/loaded-models.ts';

const limits = { maxPixels: 1, decodeTimeoutMs: 1 };
const location = (sha256: string) => ({ dir: `/models/${sha256}`, sha256 });

/** Loads fake models and records which are in memory. */
function fakeLoads(failures = new Map<string, number>()) {
  const loads: string[] = [];
  const inMemory = new Set<string>();
  const load = async ({ sha256 }: { sha256: string }): Promise<Classifier> => {
    loads.push(sha256);
    const left = failures.get(sha256) ?? 0;
    if (left > 0) {
      failures.set(sha256, left - 1);
      throw new Error(`cannot load ${sha256}`);
    }
    inMemory.add(sha256);
    return {
      manifest: {} as Classifier['manifest'],
      classify: async () => [],
      dispose: async () => void inMemory.delete(sha256),
    };
  };
  return { load, loads, inMemory };
}

describe('loaded models', () => {
  it('keeps the two models used last and frees the one before', async () => {
    const { load, loads, inMemory } = fakeLoads();
    const models = createLoadedModels(limits, load);
    for (const sha256 of ['a', 'b', 'a', 'c']) await models.use(location(sha256), async () => {});
    expect([...inMemory]).toEqual(['a', 'c']);
    await models.use(location('b'), async () => {});
    expect(loads).toEqual(['a', 'b', 'c', 'b']);
    expect([...inMemory]).toEqual(['c', 'b']);
  });

  it('loads once for simultaneous uses', async () => {
    const { load, loads } = fakeLoads();
    const models = createLoadedModels(limits, load);
    await Promise.all([1, 2, 3].map(() => models.use(location('a'), async () => {})));
    expect(loads).toEqual(['a']);
  });

  it('does not free a model in use', async () => {
    const { load, inMemory } = fakeLoads();
    const models = createLoadedModels(limits, load);
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const slow = models.use(location('a'), async () => {
      started.resolve();
      await finish.promise;
      return inMemory.has('a');
    });
    await started.promise;
    await models.use(location('b'), async () => {});
    const third = models.use(location('c'), async () => {});
    finish.resolve();
    expect(await slow).toBe(true);
    await third;
    expect([...inMemory]).toEqual(['b', 'c']);
  });

  it('loads again after a failure', async () => {
    const { load } = fakeLoads(new Map([['a', 1]]));
    const models = createLoadedModels(limits, load);
    await expect(models.use(location('a'), async () => 1)).rejects.toThrow('cannot load a');
    expect(await models.use(location('a'), async () => 1)).toBe(1);
  });
});
