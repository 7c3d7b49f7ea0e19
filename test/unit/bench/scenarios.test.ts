import { describe, expect, it } from 'vitest';
import { CorrectnessCheck, type OutcomeLine } from '../../../src/bench/correctness.ts';
import type { BaseImage } from '../../../src/bench/image-set.ts';
import { milestoneOf } from '../../../src/bench/product.ts';
import { allScenarios, inRunningOrder, selectScenarios } from '../../../src/bench/scenarios.ts';
import { bootOf } from '../../../src/bench/site.ts';
import { benchQuoteText, type QuotedScenario } from '../../../src/cli/bench/bench-quote.ts';

const names = (wanted: string[], count = 30) =>
  selectScenarios(allScenarios(count), wanted).map(({ name }) => name);

describe('scenarios', () => {
  it('include all of the baseline, each once', () => {
    expect(names([])).toEqual([
      'medium-20-cold',
      'medium-20-warm',
      'medium-30-cold',
      'medium-30-warm',
      'medium-40-cold',
      'medium-40-warm',
      'medium-60-cold',
      'medium-60-warm',
      'tiny-27-cold',
      'tiny-27-warm',
      'sustained',
      'upload-only',
      'boot',
    ]);
  });

  it('have one more size with --count', () => {
    expect(names(['cold'], 7)).toContain('medium-7-cold');
    expect(names([], 7)).toHaveLength(15);
  });

  it('have the published figures of the baseline', () => {
    const baselines = Object.fromEntries(allScenarios(7).map(({ name, baseline }) => [name, baseline]));
    expect(baselines['medium-20-cold']).toEqual({ seconds: 230.15 });
    expect(baselines['medium-30-warm']).toEqual({ seconds: 215.67 });
    expect(baselines['medium-60-warm']).toEqual({ failure: 'memory errors' });
    expect(baselines['medium-7-cold']).toBeUndefined();
    expect(baselines.boot).toEqual({ seconds: 71.53 });
  });

  it.each([
    [['medium-30'], ['medium-30-cold', 'medium-30-warm']],
    [
      ['tiny-27-warm', 'boot'],
      ['tiny-27-warm', 'boot'],
    ],
    [['tiny'], ['tiny-27-cold', 'tiny-27-warm']],
  ])('%j selects %j', (wanted, expected) => {
    expect(names(wanted)).toEqual(expected);
  });

  it.each([['medium-3'], [''], ['nosuch']])('%j matches none, and the error lists the scenarios', (name) => {
    expect(() => names([name])).toThrow(
      expect.objectContaining({
        message: `No scenario matches ${JSON.stringify(name)}.`,
        hint: expect.stringContaining('medium-30-cold'),
      }),
    );
  });

  it('that start cold run before those with a worker', () => {
    const starts = inRunningOrder(allScenarios(30)).map(({ start }) => start);
    expect(starts.lastIndexOf('cold')).toBeLessThan(starts.indexOf('warm'));
  });
});

describe('the correctness check', () => {
  const cat: BaseImage = { file: 'cat.jpg', expected: ['n02123045'] };
  const cup: BaseImage = { file: 'cup.jpg', expected: ['n07930864'] };
  const submitted = new Map([
    ['0.jpg', cat],
    ['1.jpg', cup],
  ]);
  const right: OutcomeLine[] = [
    { name: '0.jpg', labels: [{ wnid: 'n02123045', score: 0.9 }] },
    { name: '1.jpg', labels: [{ wnid: 'n07930864', score: 0.8 }] },
  ];
  const check = (...runs: OutcomeLine[][]) => {
    const made = new CorrectnessCheck({ expectsLabels: true });
    for (const [at, outcomes] of runs.entries()) made.addRun(`run ${at}`, 'medium', submitted, outcomes);
    return made.result();
  };
  const [first] = right as [OutcomeLine];

  it('passes right outcomes of every run', () => {
    expect(check(right, right.toReversed())).toEqual({
      isCorrect: true,
      imagesChecked: 4,
      labels: { medium: { top1Share: 1, topKShare: 1 } },
      problems: [],
    });
  });

  it.each<[string, OutcomeLine[], RegExp]>([
    ['an image without an outcome', [first], /1\.jpg has no outcome/],
    ['an image with two', [...right, first], /0\.jpg has more than one outcome/],
    ['an image that was not submitted', [...right, { ...first, name: '7.jpg' }], /7\.jpg was not submitted/],
    ['an error', [first, { name: '1.jpg', error: { code: 'truncated' } }], /1\.jpg has the error truncated/],
    [
      'another label than before',
      [first, { name: '1.jpg', labels: [{ wnid: 'n01440764', score: 0.9 }] }],
      /1\.jpg is n01440764, but the same image was n07930864 before/,
    ],
  ])('finds %s', (_, outcomes, words) => {
    const { isCorrect, problems } = check(right, outcomes);
    expect(isCorrect).toBe(false);
    expect(problems[0]).toMatch(/^run 1: /);
    expect(problems[0]).toMatch(words);
  });

  it('lets two classes with almost equal scores swap places', () => {
    const close = (a: string, b: string): OutcomeLine[] => [
      first,
      {
        name: '1.jpg',
        labels: [
          { wnid: a, score: 0.41 },
          { wnid: b, score: 0.4 },
        ],
      },
    ];
    expect(check(close('n07930864', 'n07920052'), close('n07920052', 'n07930864')).isCorrect).toBe(true);
  });

  it('finds labels that are always the same but wrong', () => {
    const wrong = right.map(({ name }) => ({ name, labels: [{ wnid: 'n01440764', score: 1 }] }));
    expect(check(wrong, wrong).problems).toEqual([expect.stringMatching(/0 % of the photographs/)]);
  });
});

describe('a boot', () => {
  it('is read from the log of a worker', () => {
    expect(milestoneOf('{"level":20,"milestone":"readyMs","ms":312,"msg":"on"}')).toEqual({
      milestone: 'readyMs',
      ms: 312,
    });
    expect(milestoneOf('Segmentation fault')).toBeUndefined();
    expect(milestoneOf('{"msg":"other"}')).toBeUndefined();
  });

  it('starts at the launch of its machine', () => {
    const boot = { launchToProcessMs: 9000, kernelToProcessMs: 6000, readyMs: 300, modelReadyMs: 800 };
    const milestones = { kernelMs: 3000, processMs: 9000, readyMs: 9300, modelReadyMs: 9800 };
    expect(bootOf({ boot })).toEqual({ readyMs: 9800, milestones });
    const worked = { ...boot, firstMessageMs: 310, firstResultMs: 1500 };
    expect(bootOf({ boot: worked })).toEqual({
      readyMs: 9800,
      milestones: { ...milestones, firstMessageMs: 9310, firstResultMs: 10_500 },
    });
  });
});

describe('the quote of a measurement', () => {
  const quoted: QuotedScenario = {
    name: 'medium-20-cold',
    runs: 5,
    quote: {
      images: 20,
      machines: 1,
      drainMs: 72_000,
      machineUsd: 0.002,
      requests: { s3Put: 22, s3Get: 20, sqs: 12, usd: 0.0001 },
    },
  };

  it('adds up every run', () => {
    expect(benchQuoteText([quoted, { ...quoted, name: 'medium-20-warm' }])).toMatch(
      /medium-20-cold +5 +100 +1 +6 min[\s\S]*At most 12 min, \$0\.02\d* for machines and \$0\.001\d* for requests/,
    );
  });

  it('says that the price is unknown', () => {
    const { machineUsd: _, ...unpriced } = quoted.quote;
    const text = benchQuoteText([{ ...quoted, quote: { ...unpriced, machineUsd: undefined } }]);
    expect(text).toMatch(/unknown for machines[\s\S]*set pricePerHour/);
  });
});
