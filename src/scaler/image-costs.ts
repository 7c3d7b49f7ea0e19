/**
 * What an image costs in time of one busy machine, learned from the workers' reports: by job, and by model for jobs to come.
 * A job with another model or with larger images may cost fifty times another one. Pure.
 */
import type { ImagesByJob } from './cost.ts';

/** A new job counts as if it had done this many images at the cost that is usual for its model. */
const PRIOR_IMAGES = 8;
/** A job with fewer images says little about its model. */
const MIN_IMAGES = 32;
/** Jobs that are remembered; the newest of them with the same model give its usual cost. */
const KEPT_JOBS = 200;
const COMPARED_JOBS = 20;
/**
 * The usual cost is that of a cheap job: a machine too few is launched as soon as the first images are done, but a machine too
 * many has been paid for.
 */
const USUAL_QUANTILE = 0.25;
/** Models that are remembered, here and in the report of a controller. */
const KEPT_MODELS = 20;

interface JobTime {
  model: string | undefined;
  images: number;
  busyMs: number;
}

export class ImageCosts {
  /** The newest last. */
  readonly #jobs = new Map<string, JobTime>();
  #usualMsByModel: Readonly<Record<string, number>> = {};
  #measuredMsByModel: Readonly<Record<string, number>> = {};
  /** What was usual before the first job. It counts as a job: one costly job says little of the next one. */
  readonly #firstMsByModel = new Map<string, number>();

  /** What an earlier controller learned. */
  remember(usualMsByModel: Readonly<Record<string, number>>): void {
    this.#usualMsByModel = { ...usualMsByModel, ...this.#usualMsByModel };
  }

  /** What was measured apart from jobs. It counts until jobs of the model have shown what is usual. */
  assume(measuredMsByModel: Readonly<Record<string, number>>): void {
    this.#measuredMsByModel = measuredMsByModel;
  }

  /**
   * Tells the model of a new job.
   * @param assumedMs see msPerImage.
   */
  setModel(job: string, model: string, assumedMs: number): void {
    if (!this.#firstMsByModel.has(model)) this.#firstMsByModel.set(model, this.#usualMs(model) ?? assumedMs);
    const [oldest] = this.#firstMsByModel.keys();
    if (this.#firstMsByModel.size > KEPT_MODELS && oldest !== undefined) this.#firstMsByModel.delete(oldest);
    this.#learn();
    this.#timeOf(job).model = model;
  }

  /**
   * Takes what one worker did between two reports. Time for several jobs is divided as they are known to differ.
   * @param assumedMs see msPerImage.
   */
  add(images: ImagesByJob, busyMs: number, assumedMs: number): void {
    const entries = Object.entries(images).map(([job, count]) => ({
      time: this.#timeOf(job),
      count,
      expectedMs: count * this.msPerImage(job, assumedMs),
    }));
    const allMs = entries.reduce((sum, { expectedMs }) => sum + expectedMs, 0);
    for (const { time, count, expectedMs } of entries) {
      time.images += count;
      time.busyMs += (busyMs * expectedMs) / allMs;
    }
  }

  /** @param assumedMs for a model that is not known. */
  msPerImage(job: string, assumedMs: number): number {
    const { model, images, busyMs } = this.#jobs.get(job) ?? { model: undefined, images: 0, busyMs: 0 };
    const usualMs = (model === undefined ? undefined : this.#usualMs(model)) ?? assumedMs;
    return (PRIOR_IMAGES * usualMs + busyMs) / (PRIOR_IMAGES + images);
  }

  /** What an image usually costs, by model. */
  get usualMsByModel(): Readonly<Record<string, number>> {
    return this.#usualMsByModel;
  }

  #usualMs(model: string): number | undefined {
    return this.#usualMsByModel[model] ?? this.#measuredMsByModel[model];
  }

  /** Learns what is usual from the jobs so far. */
  #learn(): void {
    const samples = new Map<string, number[]>();
    for (const { model, images, busyMs } of [...this.#jobs.values()].reverse()) {
      if (model === undefined || images < MIN_IMAGES) continue;
      const known = samples.get(model) ?? [];
      if (known.length < COMPARED_JOBS) samples.set(model, [...known, busyMs / images]);
    }
    const learned = [...samples].map(([model, costs]) => {
      const first = this.#firstMsByModel.get(model);
      const all = first === undefined || costs.length === COMPARED_JOBS ? costs : [...costs, first];
      return [model, quantile(all, USUAL_QUANTILE)] as const;
    });
    const kept = Object.entries(this.#usualMsByModel).filter(([model]) => !samples.has(model));
    this.#usualMsByModel = Object.fromEntries([...kept, ...learned].slice(-KEPT_MODELS));
  }

  #timeOf(job: string): JobTime {
    const known = this.#jobs.get(job) ?? { model: undefined, images: 0, busyMs: 0 };
    this.#jobs.set(job, known);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > KEPT_JOBS && oldest !== undefined) this.#jobs.delete(oldest);
    return known;
  }
}

function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}
