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

  /** With the images of another one. */
  with(other: Reliability): Reliability {
    const both = new Reliability();
    for (const [at, bin] of both.#bins.entries())
      for (const one of [this.#bins[at], other.#bins[at]]) {
        bin.images += one?.images ?? 0;
        bin.right += one?.right ?? 0;
        bin.scores += one?.scores ?? 0;
      }
    return both;
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

  /** Of the best labels; 0 if there are no images. */
  get meanScore(): number {
    const images = this.#bins.reduce((sum, bin) => sum + bin.images, 0);
    return images === 0 ? 0 : this.#bins.reduce((sum, bin) => sum + bin.scores, 0) / images;
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

function newCandidates(): Candidate[] {
  const candidates: Candidate[] = [];
  for (let temperature = LEAST; temperature <= MOST; temperature *= STEP)
    candidates.push({ temperature, loss: 0, reliability: new Reliability() });
  return candidates;
}

const likeliest = (candidates: readonly Candidate[]): Candidate =>
  candidates.reduce((best, each) => (each.loss < best.loss ? each : best));

/** Finds the temperature with which the true classes are likeliest. It keeps sums only, whatever the number of images. */
export class TemperatureSearch {
  /** Of every other image. */
  readonly #even = newCandidates();
  readonly #odd = newCandidates();
  #images = 0;

  /** @param labels all classes of the model, best first. */
  add(labels: readonly ScoredLabel[], truth: readonly string[]): void {
    const logs = Float64Array.from(labels, ({ score }) => Math.log(Math.max(LEAST_SCORE, score)));
    const trueIndexes = labels.flatMap(({ wnid }, index) => (truth.includes(wnid) ? [index] : []));
    const best = logs[0] ?? 0;
    for (const candidate of this.#images++ % 2 === 0 ? this.#even : this.#odd) {
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
    const all = this.#even.map(({ temperature, loss, reliability }, at): Candidate => {
      const other = this.#odd[at] as Candidate;
      return { temperature, loss: loss + other.loss, reliability: reliability.with(other.reliability) };
    });
    return likeliest(all);
  }

  /** What is to be expected of other images: of each half, with the temperature that was found on the other half. */
  get onOthers(): Reliability {
    const ofEven = this.#even[this.#odd.indexOf(likeliest(this.#odd))] as Candidate;
    const ofOdd = this.#odd[this.#even.indexOf(likeliest(this.#even))] as Candidate;
    return ofEven.reliability.with(ofOdd.reliability);
  }
}
