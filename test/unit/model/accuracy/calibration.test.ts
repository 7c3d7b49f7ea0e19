import { describe, expect, it } from 'vitest';
import { Reliability, TemperatureSearch } from '../../../../src/model/calibration.ts';
import { confusionsOf } from '../../../../src/model/confusions.ts';
import { scoresOf, topClasses } from '../../../../src/model/postprocess.ts';
import { shareInterval } from '../../../../src/model/share-interval.ts';

const labels = Array.from({ length: 10 }, (_, at) => ({ wnid: `n${at}`, label: `class ${at}` }));

/** A generator with a fixed seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Images whose true classes are drawn from a softmax; the model says so with logits that are `factor` times as large. */
function* images(factor: number) {
  const random = seeded(7);
  for (let count = 0; count < 600; count++) {
    const logits = Float32Array.from(labels, () => 4 * random());
    let left = random();
    const truth = scoresOf(logits, { activation: 'softmax' }).findIndex((score) => {
      left -= score;
      return left < 0;
    });
    const said = scoresOf(
      logits.map((logit) => factor * logit),
      { activation: 'softmax' },
    );
    yield { predicted: topClasses(said, labels, 10), truth: [`n${truth}`] };
  }
}

describe('calibration', () => {
  it.each([2.5, 1, 0.5])(
    'finds that logits are %d times too large, and scores are then as often right as they say',
    (factor) => {
      const search = new TemperatureSearch();
      const before = new Reliability();
      for (const { predicted, truth } of images(factor)) {
        search.add(predicted, truth);
        before.add(predicted[0]?.score ?? 0, predicted[0]?.wnid === truth[0]);
      }
      const { temperature, reliability } = search.best;
      expect(Math.abs(Math.log(temperature / factor))).toBeLessThan(0.15);
      expect(reliability.expectedError).toBeLessThan(0.06);
      // No better than by luck: this many images differ by so much.
      expect(search.onOthers.expectedError).toBeGreaterThan(0);
      expect(search.onOthers.expectedError).toBeLessThan(0.08);
      if (factor !== 1) expect(before.expectedError).toBeGreaterThan(0.1);
    },
  );

  it('says of few images that others will not fit as well', () => {
    const search = new TemperatureSearch();
    // The even images are always right, and the odd ones half of the time.
    for (let at = 0; at < 80; at++) {
      const scores = [0.8, 0.2].map((score, id) => ({ wnid: `n${id}`, label: '', score }));
      search.add(scores, [at % 4 === 1 ? 'n1' : 'n0']);
    }
    expect(search.best.reliability.expectedError).toBeLessThan(0.05);
    expect(search.onOthers.expectedError).toBeGreaterThan(0.4);
  });

  it('counts an image with a score of 1 in the last bin', () => {
    const reliability = new Reliability();
    reliability.add(1, false);
    expect(reliability.bins.at(-1)).toEqual({ from: 0.9, to: 1, images: 1, right: 0, meanScore: 1 });
    expect(reliability.expectedError).toBe(1);
  });

  it('divides the logits by the temperature, and keeps the order of the classes', () => {
    const logits = Float32Array.of(0, Math.log(9));
    const [, calibrated] = scoresOf(logits, { activation: 'softmax', temperature: 2 });
    expect(calibrated).toBeCloseTo(0.75, 6);
    const [, probability] = scoresOf(Float32Array.of(0.1, 0.9), { activation: 'none', temperature: 2 });
    expect(probability).toBeCloseTo(0.75, 6);
  });
});

it.each([
  [90, 100, 0.826, 0.945],
  [100, 100, 0.963, 1],
  [0, 10, 0, 0.278],
])(
  'knows the share of right labels of other images as well as %d of %d tell it',
  (right, images, low, high) => {
    const [from, to] = shareInterval(right, images);
    expect(from).toBeCloseTo(low, 3);
    expect(to).toBeCloseTo(high, 3);
  },
);

it('lists which classes are taken for which others, the most frequent first', () => {
  const image = (truth: string, predicted: string, score: number) => ({
    path: `${score}.jpg`,
    truth: [truth],
    best: { wnid: predicted, label: `class ${predicted.slice(1)}`, score },
  });
  const predictions = [
    ...[image('n6', 'n7', 0.3), image('n1', 'n2', 0.9), image('n3', 'n3', 0.9)],
    ...[image('n4', 'n5', 0.4), image('n4', 'n5', 0.8)],
  ];
  expect(confusionsOf(predictions, labels)).toEqual([
    { truth: labels[4], predicted: labels[5], images: 2, surest: { path: '0.8.jpg', score: 0.8 } },
    { truth: labels[1], predicted: labels[2], images: 1, surest: { path: '0.9.jpg', score: 0.9 } },
    { truth: labels[6], predicted: labels[7], images: 1, surest: { path: '0.3.jpg', score: 0.3 } },
  ]);
});
