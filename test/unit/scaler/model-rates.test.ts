import { describe, expect, it } from 'vitest';
import { coresOf } from '../../../src/core/money/prices.ts';
import { ImageCosts } from '../../../src/scaler/image-costs.ts';
import { msPerImageOf } from '../../../src/scaler/model-rates.ts';

const sha256 = 'a'.repeat(64);
const rate = { model: 'mine/fp32', imagesPerSecondPerCore: 20, cores: 4, cpu: 'any', atMs: 0 };

describe('the rate of a model that was measured on a core', () => {
  it('is that of a machine by its cores, or by those of the measured machine', () => {
    expect(msPerImageOf({ [sha256]: rate }, coresOf('c7i.large'))).toEqual({ [sha256]: 25 });
    expect(msPerImageOf({ [sha256]: rate }, coresOf('c7i.metal-96xl'))).toEqual({ [sha256]: 12.5 });
  });

  it('counts for a job until jobs of its model have shown what is usual', () => {
    const costs = new ImageCosts();
    costs.assume({ [sha256]: 25 });
    costs.setModel('first', sha256, 50);
    expect(costs.msPerImage('first', 50)).toBe(25);
    expect(costs.usualMsByModel).toEqual({});
    costs.remember({ [sha256]: 40 });
    expect(costs.msPerImage('first', 50)).toBe(40);
  });
});
