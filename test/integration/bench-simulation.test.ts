import { describe, expect, it } from 'vitest';
import { compareQuotes, paidRatio } from '../../src/bench/simulator/compare-quote.ts';
import { simulate } from '../../src/bench/simulator/simulate.ts';
import { namedTrace, type Trace } from '../../src/bench/simulator/traces.ts';

const options = { max: 100, seed: 7, policy: 'backlog' } as const;

describe('a quote', () => {
  it.each(['ideal', 'unkind'] as const)('is within 20 %% of what is paid (%s world)', async (world) => {
    const rows = await compareQuotes({ seed: 6500, max: 1000, world });
    expect(rows.map(({ quote }) => quote.images)).toContain(200);
    for (const row of rows) expect(Math.abs(paidRatio(row) - 1)).toBeLessThanOrEqual(0.2);
  });
});

describe('a simulated run', () => {
  it('takes seconds for thousands of machines and tens of millions of images', async () => {
    const huge: Trace = { name: 'huge', what: '', arrivals: [{ atMs: 0, images: 20_000_000 }] };
    const result = await simulate(huge, { ...options, max: 5000 });
    expect(result.imagesDone).toBe(20_000_000);
    expect(result.launched).toBeGreaterThan(2000);
  });

  it('fails with policy and trace when the work is not done a simulated day after it came', async () => {
    const never = { ...options, max: 0, giveUpAfterMs: 24 * 3_600_000 };
    await expect(simulate(namedTrace('seed-20') as Trace, never)).rejects.toThrow(
      'Policy backlog never finishes the work of trace seed-20.',
    );
  });
});
