/** Checks the outcomes of measured runs: each image once, no errors, and labels that are expected and always the same. Pure. */
import * as z from 'zod';
import type { BaseImage, Submitted } from './image-set.ts';
import type { ImageKind } from './scenarios.ts';

const share = z.number().min(0).max(1);

/** The checked fields of a line of `--format ndjson`. */
export const outcomeLine = z.object({
  name: z.string(),
  labels: z.array(z.object({ wnid: z.string(), score: z.number() })).optional(),
  error: z.object({ code: z.string() }).optional(),
});
export type OutcomeLine = z.infer<typeof outcomeLine>;

/** Of the images with known labels, the share with a right first label, and with a right one among all. */
const labelShares = z.object({ top1Share: share, topKShare: share });
export type LabelShares = z.infer<typeof labelShares>;

export const correctness = z.object({
  isCorrect: z.boolean(),
  /** Outcomes of all repetitions. */
  imagesChecked: z.int().nonnegative(),
  /** By size of the images; absent if no right label is known. */
  labels: z.object({ medium: labelShares.optional(), tiny: labelShares.optional() }),
  /** The first problems of each run. */
  problems: z.array(z.string()),
});
export type Correctness = z.infer<typeof correctness>;

/** Some random crops cut off the subject of a photograph, but most do not. */
const MIN_TOP_K_SHARE = 0.8;
/** Two classes with almost equal scores may swap places, depending on the other images of the batch. */
const SCORE_TOLERANCE = 0.02;
const PROBLEMS_OF_A_RUN = 3;

/** Checks all runs. Later outcomes of an image are compared with its first one. */
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

  /** @param expectsLabels whether most medium images must get a right label, as the bundled samples must. */
  constructor({ expectsLabels }: { expectsLabels: boolean }) {
    this.#expectsLabels = expectsLabels;
  }

  /** Records another problem of a run. */
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
      else problems.push(...this.#checkImage(image, outcome, this.#labels[kind]));
      seen.add(outcome.name);
    }
    for (const name of submitted.keys()) if (!seen.has(name)) problems.push(`${name} has no outcome`);
    const rest = problems.length - PROBLEMS_OF_A_RUN;
    const shown = problems.slice(0, PROBLEMS_OF_A_RUN).join('; ');
    if (problems.length > 0) this.addProblem(run, rest > 0 ? `${shown}; and ${rest} more` : shown);
  }

  #checkImage(
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
    const knownScore = labels.find(({ wnid }) => wnid === known)?.score ?? 0;
    if (best.score - knownScore <= SCORE_TOLERANCE) return [];
    return [`${name} is ${best.wnid}, but the same image was ${known} before`];
  }

  result(): Correctness {
    const problems = [...this.#problems];
    const [medium, tiny] = [this.#shares('medium'), this.#shares('tiny')];
    if (this.#expectsLabels && medium !== undefined && medium.topKShare < MIN_TOP_K_SHARE) {
      const found = (100 * medium.topKShare).toFixed(0);
      problems.push(
        `labels: ${found} % of the photographs list their expected label, but at least ${100 * MIN_TOP_K_SHARE} % must`,
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
