/** Whether measured runs also were right: each image once, none with an error, labels as expected and always the same. Pure. */
import * as z from 'zod';
import type { BaseImage, Submitted } from './image-set.ts';
import type { ImageKind } from './scenarios.ts';

const share = z.number().min(0).max(1);

/** A line of `--format ndjson`, as far as it is looked at. */
export const outcomeLine = z.object({
  name: z.string(),
  labels: z.array(z.object({ wnid: z.string(), score: z.number() })).optional(),
  error: z.object({ code: z.string() }).optional(),
});
export type OutcomeLine = z.infer<typeof outcomeLine>;

/** Of the images whose right labels are known, those that have one: as the first label, and among all that are listed. */
const labelShares = z.object({ top1Share: share, topKShare: share });
export type LabelShares = z.infer<typeof labelShares>;

export const correctness = z.object({
  isCorrect: z.boolean(),
  /** Outcomes looked at, of all repetitions. */
  imagesChecked: z.int().nonnegative(),
  /** By size of the images; absent where no right label is known. */
  labels: z.object({ medium: labelShares.optional(), tiny: labelShares.optional() }),
  /** What was wrong, the first of each run's. */
  problems: z.array(z.string()),
});
export type Correctness = z.infer<typeof correctness>;

/** Crops at random may cut off what a photograph shows; most do not. */
const LEAST_TOP_K_SHARE = 0.8;
/** Two classes that are as likely may change places with the batch that an image came in. */
const SCORE_TOLERANCE = 0.02;
const PROBLEMS_OF_A_RUN = 3;

/** Collects what was seen in all runs. The first outcome of an image is what all others are held against. */
export class CorrectnessCheck {
  readonly #expectsLabels: boolean;
  /** The first label that each image got. */
  readonly #reference = new Map<BaseImage, string>();
  readonly #problems: string[] = [];
  #checked = 0;
  readonly #labels: Record<ImageKind, { known: number; top1: number; topK: number }> = {
    medium: { known: 0, top1: 0, topK: 0 },
    tiny: { known: 0, top1: 0, topK: 0 },
  };

  /** @param expectsLabels whether most medium images must be right, as those of the product's own photographs must. */
  constructor({ expectsLabels }: { expectsLabels: boolean }) {
    this.#expectsLabels = expectsLabels;
  }

  /** Something else went wrong with a run. */
  addProblem(run: string, problem: string): void {
    this.#problems.push(`${run}: ${problem}`);
  }

  addRun(run: string, kind: ImageKind, submitted: Submitted, outcomes: readonly OutcomeLine[]): void {
    const problems: string[] = [];
    const seen = new Set<string>();
    this.#checked += outcomes.length;
    for (const outcome of outcomes) {
      const image = submitted.get(outcome.name);
      if (image === undefined) problems.push(`${outcome.name} was not submitted`);
      else if (seen.has(outcome.name)) problems.push(`${outcome.name} has more than one outcome`);
      else problems.push(...this.#look(image, outcome, this.#labels[kind]));
      seen.add(outcome.name);
    }
    for (const name of submitted.keys()) if (!seen.has(name)) problems.push(`${name} has no outcome`);
    const rest = problems.length - PROBLEMS_OF_A_RUN;
    const told = problems.slice(0, PROBLEMS_OF_A_RUN).join('; ');
    if (problems.length > 0) this.addProblem(run, rest > 0 ? `${told}; and ${rest} more` : told);
  }

  #look(
    image: BaseImage,
    { name, labels = [], error }: OutcomeLine,
    counts: { known: number; top1: number; topK: number },
  ): string[] {
    const [best] = labels;
    if (error !== undefined) return [`${name} has the error ${error.code}`];
    if (best === undefined) return [`${name} has no label`];
    const isRight = ({ wnid }: { wnid: string }) => image.expected.includes(wnid);
    if (image.expected.length > 0) counts.known++;
    if (isRight(best)) counts.top1++;
    if (labels.some(isRight)) counts.topK++;
    const known = this.#reference.get(image);
    if (known === undefined) {
      this.#reference.set(image, best.wnid);
      return [];
    }
    const then = labels.find(({ wnid }) => wnid === known)?.score ?? 0;
    if (best.score - then <= SCORE_TOLERANCE) return [];
    return [`${name} is ${best.wnid}, and the same image was ${known} before`];
  }

  result(): Correctness {
    const problems = [...this.#problems];
    const [medium, tiny] = [this.#shares('medium'), this.#shares('tiny')];
    if (this.#expectsLabels && medium !== undefined && medium.topKShare < LEAST_TOP_K_SHARE) {
      const found = (100 * medium.topKShare).toFixed(0);
      problems.push(
        `labels: ${found} % of the photographs have their expected label listed, and ${100 * LEAST_TOP_K_SHARE} % should`,
      );
    }
    return {
      isCorrect: problems.length === 0,
      imagesChecked: this.#checked,
      labels: { ...(medium && { medium }), ...(tiny && { tiny }) },
      problems,
    };
  }

  #shares(kind: ImageKind): LabelShares | undefined {
    const { known, top1, topK } = this.#labels[kind];
    return known === 0 ? undefined : { top1Share: top1 / known, topKShare: topK / known };
  }
}
