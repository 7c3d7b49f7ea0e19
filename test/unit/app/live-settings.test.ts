import { afterEach, describe, expect, it, vi } from 'vitest';
import { LiveSettings } from '../../../src/app/live-settings.ts';
import { loadSettings, type RunSettings } from '../../../src/app/settings.ts';
import { changeClusterSettings } from '../../../src/core/fleet/settings-document.ts';
import { CLUSTER_SETTINGS_KEY } from '../../../src/core/job/keys.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import type { ClusterValues } from '../../../src/core/settings/cluster-settings.ts';
import { CountingStore } from '../scaler/idle-world.ts';
import { SteppingClock } from '../worker/stepping-clock.ts';

afterEach(() => vi.unstubAllEnvs());

/** A controller whose stack says max 4, in its environment. */
async function newController(
  flags: Record<string, unknown> = {},
  store = new CountingStore(new SteppingClock()),
) {
  vi.stubEnv('IMGCLS_MAX', '4');
  const output = store.open();
  const used: RunSettings[] = [];
  const fleet = {
    driver: { hourlyUsd: async () => 0.1 },
    async use(settings: RunSettings) {
      if (settings.instanceTypes?.includes('none.such') === true)
        throw new ImgclsError('config', 'EC2 has no instance type none.such in this region.');
      used.push(settings);
    },
  };
  const { settings } = loadSettings(flags);
  const live = await LiveSettings.open({
    cloud: { kind: 'aws', output },
    flags,
    settings,
    fleet: fleet as never,
  });
  const set = (values: ClusterValues) => changeClusterSettings(output, 0, () => values);
  return { live, output, used, set, store };
}

describe('a controller whose settings a person changes', () => {
  it('applies them at its next tick, and the former ones when they are taken back', async () => {
    const { live, set, used } = await newController();
    const { policy } = live;
    await live.refresh();
    expect(policy.max).toBe(4);
    await set({ max: 40, maxHourlyCost: 5, bootDeadlineSeconds: 90, warm: 2 });
    await live.refresh();
    expect(policy).toMatchObject({ max: 40, maxHourlyCostUsd: 5 });
    expect(live.settings.bootDeadlineSeconds).toBe(90);
    expect(used.at(-1)?.warm).toBe(2);
    expect(live.inForce).toMatchObject({ max: { value: 40, from: 'cluster' } });
    await set({});
    await live.refresh();
    expect(policy).toMatchObject({ max: 4, maxHourlyCostUsd: undefined });
    expect(live.inForce).toEqual({ max: { value: 4, from: 'environment' } });
  });

  it('prefers its own flags', async () => {
    const { live, set } = await newController({ max: 7 });
    await set({ max: 40, min: 1 });
    await live.refresh();
    expect(live.policy).toMatchObject({ max: 7, min: 1 });
  });

  it.each([
    ['of a newer version', '{"v":2,"values":{"max":1}}', 'Update imgcls.'],
    ['that is damaged', '{"v":1,', 'not JSON'],
    ['with a setting of a later imgcls', '{"v":1,"changedAtMs":0,"values":{"maxBananas":1}}', 'maxBananas'],
    ['with a wrong value', '{"v":1,"changedAtMs":0,"values":{"max":-1}}', 'max must be 0 to 10000'],
    ['that the rest contradicts', '{"v":1,"changedAtMs":0,"values":{"min":5}}', 'min is 5, max is 4'],
    [
      'with a type that EC2 does not have',
      '{"v":1,"changedAtMs":0,"values":{"instanceTypes":["none.such"]}}',
      'no instance type none.such',
    ],
  ])('goes on with the last good ones after a document %s, and says why', async (_, text, why) => {
    const { live, output, set } = await newController();
    await set({ max: 40 });
    await live.refresh();
    await output.put(CLUSTER_SETTINGS_KEY, Buffer.from(text));
    for (let tick = 0; tick < 2; tick++) {
      await live.refresh();
      expect(live.problem).toContain(why);
      expect(live.policy.max).toBe(40);
    }
    await output.delete([CLUSTER_SETTINGS_KEY]);
    await live.refresh();
    expect(live.problem).toBeUndefined();
    expect(live.policy.max).toBe(4);
  });

  it('hands the last good ones over to its successor', async () => {
    const first = await newController();
    await first.set({ max: 40, maxHourlyCost: 5 });
    await first.live.refresh();
    await first.output.put(CLUSTER_SETTINGS_KEY, Buffer.from('nonsense'));
    const { live } = await newController({}, first.store);
    await live.recall(JSON.parse(JSON.stringify(first.live.inForce)));
    await live.refresh();
    expect(live.problem).toContain('not valid');
    expect(live.policy).toMatchObject({ max: 40, maxHourlyCostUsd: 5 });
  });

  it('takes a document again that could not be read for a while', async () => {
    const { live, output, set } = await newController();
    await set({ max: 40 });
    await live.refresh();
    const { get } = output;
    output.get = async () => {
      throw new ImgclsError('transient', 'No network.');
    };
    await live.refresh();
    expect(live.problem).toContain('No network.');
    expect(live.policy.max).toBe(40);
    output.get = get;
    await live.refresh();
    expect(live.problem).toBeUndefined();
  });

  it('asks EC2 about the same document only once', async () => {
    const { live, set, used } = await newController();
    await set({ max: 40 });
    for (let tick = 0; tick < 5; tick++) await live.refresh();
    expect(used).toHaveLength(1);
  });
});
