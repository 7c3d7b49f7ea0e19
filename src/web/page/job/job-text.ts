/** What the page says of a job and of an image, in words. Pure. */
import { isDropJob } from '../../../core/job/job-ids.ts';
import { dollars } from '../../../core/money/money.ts';
import { duration } from '../../../core/text/duration.ts';
import type { JobView, OutcomeView } from '../../api.ts';
import { counted, number, percent, rate } from '../format.ts';
import { type Failed, isFailed, type OutcomeState } from './outcomes.ts';

type ErrorCode = Failed['error']['code'];

const errors: Record<ErrorCode, { short: string; long: string }> = {
  not_an_image: { short: 'Not an image', long: 'The file holds something else than an image.' },
  truncated: { short: 'Incomplete', long: 'The file ends before the image does; part of it is lost.' },
  too_large: { short: 'Too large', long: 'The image has more bytes or pixels than the service takes.' },
  unsupported_format: { short: 'Unknown format', long: 'The format of this image cannot be read.' },
  missing: { short: 'Gone', long: 'The image was no longer there when its turn came.' },
  changed: { short: 'Changed', long: 'The image is not the one that was submitted; it was changed since.' },
  model_unavailable: { short: 'No model', long: 'The model could not be loaded. Trying again may help.' },
  worker_crash: {
    short: 'Crashed',
    long: 'Classifying this image ended its worker, more than once. Trying again may help.',
  },
  deadline: {
    short: 'Took too long',
    long: 'The image could not be classified in time. Trying again may help.',
  },
  unreadable: { short: 'Unreadable', long: 'The image could not be read from where it lies.' },
};

export const errorWords = (code: ErrorCode) =>
  errors[code] ?? { short: 'Error', long: 'The image could not be classified.' };

export const isOver = ({ state }: JobView): boolean => state === 'finished' || state === 'cancelled';

/** Whether it comes to an end and has not yet. */
export const isGoing = (job: JobView): boolean => !isOver(job) && !isDropJob(job.id);

export function stateWords({ id, state, attempt, done }: JobView): string {
  if (isDropJob(id)) return 'Dropped images';
  if (state === 'finished') return 'Finished';
  if (state === 'cancelled') return 'Cancelled';
  if (attempt > 1) return 'Trying again';
  if (state === 'open') return 'Reading images';
  return done === 0 ? 'Waiting for a worker' : 'Labelling';
}

/** Share of 0 to 1; undefined while the number of images is not known. */
export function doneShare({ done, total }: JobView): number | undefined {
  if (total === undefined) return undefined;
  return total === 0 ? 1 : Math.min(1, done / total);
}

export function progressWords({ id, done, total }: JobView): string {
  if (isDropJob(id)) return counted(done, 'image');
  if (total === undefined) return `${counted(done, 'image')} done so far`;
  return done === total ? counted(total, 'image') : `${number(done)} of ${counted(total, 'image')}`;
}

/** `12.4 images/s`, `9 s left`, `$0.0012`: as far as they are known and mean something. */
export function factsOf(job: JobView): string[] {
  const { imagesPerSecond, leftMs, usd, createdAtMs, finishedAtMs } = job;
  const facts: string[] = [];
  if (!isOver(job) && imagesPerSecond !== undefined && imagesPerSecond > 0)
    facts.push(`${rate(imagesPerSecond)} images/s`);
  if (!isOver(job) && leftMs !== undefined) facts.push(`${duration(leftMs)} left`);
  if (finishedAtMs !== undefined) facts.push(`took ${duration(finishedAtMs - createdAtMs)}`);
  if (usd !== undefined) facts.push(dollars(usd));
  return facts;
}

/** The model as `NAME/VARIANT`; nothing where each outcome names its own. */
export const modelWords = ({ model }: JobView): string => (model ? `${model.name}/${model.variant}` : '');

/** What a screen reader says of an image, its picture being silent: what stands below it, in that order. */
export function imageWords(name: string, outcome: OutcomeView | undefined, state: OutcomeState): string {
  if (outcome === undefined) return `${state === 'coming' ? 'Loading' : 'Waiting'}, ${name}`;
  if (isFailed(outcome)) return `${errorWords(outcome.error.code).short}, ${name}`;
  return `${outcome.label} ${percent(outcome.score)}, ${name}`;
}
