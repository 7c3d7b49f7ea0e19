/** The texts of a job and of an image. Pure. */
import { SMALL_BATCH } from '../../../core/job/batches.ts';
import { isDropJob } from '../../../core/job/job-ids.ts';
import { dollars } from '../../../core/money/money.ts';
import { parseWebAddress } from '../../../core/network/web-address.ts';
import { duration } from '../../../core/text/duration.ts';
import { harmless } from '../../../core/text/harmless.ts';
import { wholePercent } from '../../../core/text/percent.ts';
import type { JobView } from '../../api.ts';
import type { OutcomeView } from '../../outcome-views.ts';
import { counted, number, rate } from '../format.ts';
import { shortErrorText } from './error-text.ts';
import { isFailed, type OutcomeState } from './follow/outcomes.ts';

type Warning = NonNullable<Extract<OutcomeView, { labels: unknown }>['warning']>;

/** The words on an image whose label is unreliable. */
const warningMarks: Readonly<Record<Warning, string>> = {
  damaged: 'Damaged',
  uniform: 'One colour',
  low_resolution: 'Low resolution',
};

/** What a job is called: its folder or host as given, or that of its first image. */
export function jobTitle({
  id,
  inputs = [],
  inputCount = inputs.length,
  firstImages = [],
  total,
}: JobView): string {
  if (isDropJob(id)) return 'Dropped photos';
  const [input] = inputs;
  // A list on standard input.
  if (input !== undefined && input !== '-') return andMore(hostOf(input) ?? lastPart(input), inputCount);
  const firstImage = firstImages[0]?.name;
  if (firstImage === undefined) return 'Photos';
  const host = hostOf(firstImage);
  if (host !== undefined) return andMore(host, total ?? 1);
  const [folder = '', ...below] = firstImage.split('/');
  return harmless(below.length > 0 ? folder : andMore(firstImage, total ?? 1));
}

/** The title of a job without shortening: its files and folders as given. */
export const wholeName = (job: JobView): string => job.inputs?.map(harmless).join('\n') ?? jobTitle(job);

const hostOf = (text: string): string | undefined => parseWebAddress(text)?.host;

const lastPart = (path: string): string =>
  harmless(
    path
      .replace(/[/\\]+$/, '')
      .split(/[/\\]/)
      .at(-1) || path,
  );
const andMore = (name: string, count: number): string =>
  count > 1 ? `${name} and ${number(count - 1)} more` : name;

export const isOver = ({ state }: JobView): boolean => state === 'finished' || state === 'cancelled';

/** Not over yet. Days of dropped images have no end. */
export const isActive = (job: JobView): boolean => !isOver(job) && !isDropJob(job.id);

export function stateText({ id, state, attempt, done, interrupted }: JobView): string {
  if (isDropJob(id)) return 'Dropped photos';
  if (state === 'finished') return 'Finished';
  if (state === 'cancelled') return 'Cancelled';
  if (interrupted === true) return 'Interrupted';
  if (attempt > 1) return 'Retrying';
  if (state === 'open') return 'Reading photos';
  return done === 0 ? 'Waiting for a worker' : 'Labelling';
}

/** From 0 to 1; undefined while the number of images is unknown. */
export function doneFraction({ done, total }: JobView): number | undefined {
  if (total === undefined) return undefined;
  return total === 0 ? 1 : Math.min(1, done / total);
}

export function progressText({ id, done, total }: JobView): string {
  if (isDropJob(id)) return counted(done, 'photo');
  if (total === undefined) return `${counted(done, 'photo')} done so far`;
  return done === total ? counted(total, 'photo') : `${number(done)} of ${counted(total, 'photo')}`;
}

/** The rate of the first batches, while workers start, says nothing about the time that is left. */
const FIRST_TIMED = 3 * SMALL_BATCH;

/** `12.4 photos/s`, `9 s left`, `$0.0012`: those that are known and apply. */
export function factsOf(job: JobView): string[] {
  const { imagesPerSecond, leftMs, usd, createdAtMs, finishedAtMs } = job;
  const facts: string[] = [];
  if (!isOver(job) && imagesPerSecond !== undefined && imagesPerSecond > 0)
    facts.push(`${rate(imagesPerSecond)} photos/s`);
  if (!isOver(job) && leftMs !== undefined && job.done >= FIRST_TIMED) facts.push(`${duration(leftMs)} left`);
  if (finishedAtMs !== undefined) facts.push(`took ${duration(finishedAtMs - createdAtMs)}`);
  if (usd !== undefined) facts.push(dollars(usd));
  return facts;
}

/** The model as `NAME/VARIANT`; empty for dropped images, whose outcomes name their own. */
export const modelText = ({ model }: JobView): string => (model ? `${model.name}/${model.variant}` : '');

/** The word on an image whose label is worth little; undefined if it has none. */
export function markOf(outcome: OutcomeView | undefined, minScore: number): string | undefined {
  if (outcome === undefined || isFailed(outcome)) return undefined;
  if (outcome.warning !== undefined) return warningMarks[outcome.warning];
  return outcome.score < minScore ? 'Unsure' : undefined;
}

interface DescribedImage {
  outcome: OutcomeView | undefined;
  state: OutcomeState;
  minScore: number;
}

/** The accessible name of an image's card: its caption, in the same order. */
export function imageText(name: string, { outcome, state, minScore }: DescribedImage): string {
  if (outcome === undefined) return `${state === 'loading' ? 'Loading' : 'Waiting'}, ${name}`;
  if (isFailed(outcome)) return `${shortErrorText(outcome.error.code)}, ${name}`;
  const label = `${outcome.label} ${wholePercent(outcome.score)}`;
  return [markOf(outcome, minScore), label, outcome.category?.name, name]
    .filter((part) => part !== undefined)
    .join(', ');
}
