// Whether scores are right as often as they say, and the temperature with which they are (temperature scaling, arXiv 1706.04599).

import type { ScoredLabel } from '../core/model/outcome.ts';

/** Of equal width, as usual. */
const BINS = 10;

/** Images whose best score is between two limits. */
export interface ScoreBin {
  from: number;
  to: number;
  images: number;
  /** Those whose best label is right. */
  right: number;
  /** 0 if there are no images. */
  meanScore: number;
}

/** Compares the scores of best labels with how often these are right. */
export class Reliability {
  readonly #bins = Array.from({ length: BINS }, () => ({ images: 0, right: 0, scores: 0 }));

  add(score: number, isRight: boolean): void {
    const bin = this.#bins[Math.min(BINS - 1, Math.floor(BINS * score))];
    if (bin === undefined) return;
    bin.images++;
    bin.scores += score;
    if (isRight) bin.right++;
  }

  get bins(): ScoreBin[] {
    return this.#bins.map(({ images, right, scores }, at) => ({
      from: at / BINS,
      to: (at + 1) / BINS,
      images,
      right,
      meanScore: images === 0 ? 0 : scores / images,
    }));
  }

  /** The expected calibration error: the mean distance between score and share of right labels, over the images. 0 to 1. */
  get expectedError(): number {
    let images = 0;
    let distance = 0;
    for (const bin of this.#bins) {
      images += bin.images;
      distance += Math.abs(bin.scores - bin.right);
    }
    return images === 0 ? 0 : distance / images;
  }
}

/** A model beyond these would be useless. Steps of 3 % change a score by less than one hundredth. */
const LEAST = 0.2;
const MOST = 5;
const STEP = 1.03;

/** Instead of 0, whose logarithm is not finite. */
const LEAST_SCORE = Number.MIN_VALUE;

interface Candidate {
  temperature: number;
  /** Sum over the images of the negative logarithm of the true class's score. */
  loss: number;
  reliability: Reliability;
}

/** Finds the temperature with which the true classes are likeliest. It keeps sums only, whatever the number of images. */
export class TemperatureSearch {
  readonly #candidates: Candidate[] = [];

  constructor() {
    for (let temperature = LEAST; temperature <= MOST; temperature *= STEP)
      this.#candidates.push({ temperature, loss: 0, reliability: new Reliability() });
  }

  /** @param labels all classes of the model, best first. */
  add(labels: readonly ScoredLabel[], truth: readonly string[]): void {
    const logs = Float64Array.from(labels, ({ score }) => Math.log(Math.max(LEAST_SCORE, score)));
    const trueIndexes = labels.flatMap(({ wnid }, index) => (truth.includes(wnid) ? [index] : []));
    const best = logs[0] ?? 0;
    for (const candidate of this.#candidates) {
      const weightOf = (log: number) => Math.exp((log - best) / candidate.temperature);
      let sum = 0;
      for (const log of logs) sum += weightOf(log);
      const trueWeight = trueIndexes.reduce((total, index) => total + weightOf(logs[index] ?? 0), 0);
      candidate.loss -= Math.log(Math.max(LEAST_SCORE, trueWeight / sum));
      candidate.reliability.add(1 / sum, trueIndexes[0] === 0);
    }
  }

  /** The likeliest temperature, relative to the model's own, and the reliability of the scores with it. */
  get best(): Pick<Candidate, 'temperature' | 'reliability'> {
    return this.#candidates.reduce((best, each) => (each.loss < best.loss ? each : best));
  }
}
