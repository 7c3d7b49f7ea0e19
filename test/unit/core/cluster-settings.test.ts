import { describe, expect, it } from 'vitest';
import type { Store } from '../../../src/core/cloud/ports.ts';
import {
  changeClusterSettings,
  clearClusterSettings,
  findClusterSettings,
} from '../../../src/core/fleet/settings-document.ts';
import { CLUSTER_SETTINGS_KEY } from '../../../src/core/job/keys.ts';
import { parseAssignments, requireClusterNames } from '../../../src/core/settings/cluster-settings.ts';
import { CountingStore } from '../scaler/idle-world.ts';
import { SteppingClock } from '../worker/stepping-clock.ts';

describe('settings as NAME=VALUE', () => {
  it('are checked and typed as those of a settings file', () => {
    expect(
      parseAssignments([
        'max=40',
        'maxHourlyCost=2.50',
        'instanceTypes=c7i.large, m7i.large',
        'forecast=off',
      ]),
    ).toEqual({ max: 40, maxHourlyCost: 2.5, instanceTypes: ['c7i.large', 'm7i.large'], forecast: 'off' });
  });

  it('have spot as the rest of onDemandPercentage', () => {
    expect(parseAssignments(['spot=80'])).toEqual({ onDemandPercentage: 20 });
    expect(requireClusterNames(['spot', 'max'])).toEqual(['onDemandPercentage', 'max']);
  });

  it.each([
    ['maxx=3', 'unknown setting maxx; did you mean max?'],
    ['max=many', 'max must be a whole number from 0 to 10000, not many'],
    ['max=10001', 'max must be 0 to 10000, not 10001'],
    ['topK=3', 'topK does not change while a cluster runs'],
    ['spot=101', 'spot must be a percentage from 0 to 100, not 101'],
    ['max=', 'A setting must be NAME=VALUE, not max=.'],
    ['40', 'A setting must be NAME=VALUE, not 40.'],
  ])('are refused with the reason: %s', (word, why) => {
    expect(() => parseAssignments([word])).toThrow(why);
  });

  it('are refused if they do not go together', () => {
    expect(() => parseAssignments(['max=3', 'max=5'])).toThrow('max is set twice');
    expect(() => parseAssignments(['spot=80', 'onDemandPercentage=50'])).toThrow(
      'onDemandPercentage is set twice',
    );
    expect(() => parseAssignments(['min=5', 'max=3'])).toThrow('min must not be above max');
  });
});

describe('the document of the settings of a cluster', () => {
  const newStore = (): Store => new CountingStore(new SteppingClock()).open();

  it('keeps both of two changes that are made at the same time', async () => {
    const store = newStore();
    await changeClusterSettings(store, 0, () => ({ min: 1 }));
    let others = 0;
    const afterwards = await changeClusterSettings(
      {
        ...store,
        async put(...args) {
          if (others++ === 0) await changeClusterSettings(store, 1, (values) => ({ ...values, max: 40 }));
          return await store.put(...args);
        },
      },
      2,
      (values) => ({ ...values, warm: 2 }),
    );
    expect(afterwards).toEqual({ min: 1, max: 40, warm: 2 });
    expect((await findClusterSettings(store))?.values).toEqual(afterwards);
  });

  it.each(['{"v":2,"values":{"max":1}}', 'nonsense'])(
    'is not changed if it cannot be read: %s',
    async (text) => {
      const store = newStore();
      await store.put(CLUSTER_SETTINGS_KEY, Buffer.from(text));
      await expect(changeClusterSettings(store, 0, () => ({ max: 1 }))).rejects.toThrow();
      expect(Buffer.from((await store.get(CLUSTER_SETTINGS_KEY)).body).toString()).toBe(text);
      await clearClusterSettings(store, 0);
      expect((await findClusterSettings(store))?.values).toEqual({});
    },
  );
});
