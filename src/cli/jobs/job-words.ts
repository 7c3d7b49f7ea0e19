// A job in its users' words.

import type { JobState } from '../../core/job/job.ts';
import { isDropJob } from '../../core/job/job-ids.ts';
import { plainName } from '../../core/text/harmless.ts';

/** Values of `--state`: the words that lists show, then those of the job's record. */
export const STATE_WORDS = ['uploading', 'interrupted', 'running', 'done', 'cancelled'] as const;
export type StateWord = (typeof STATE_WORDS)[number];

interface State {
  id: string;
  state: JobState;
  done: number;
  total?: number | undefined;
  interrupted?: true;
}

/** The state of a job. Images can be dropped on a day of dropped images until it is over, and later. */
export function stateWord({ id, state, done, total, interrupted }: State): StateWord | 'open' {
  switch (state) {
    case 'open':
      if (isDropJob(id)) return 'open';
      return interrupted === true ? 'interrupted' : 'uploading';
    case 'sealed':
      // Only a waiter or a controller writes that it is finished.
      return done === total ? 'done' : 'running';
    case 'finished':
      return 'done';
    case 'cancelled':
      return 'cancelled';
  }
}

/** What a job is of: its files and folders as given, or its first image. The page has the same words (job-text.ts). */
export function inputsText({
  inputs = [],
  inputCount = inputs.length,
  firstImage,
  total,
}: {
  inputs?: readonly string[];
  inputCount?: number;
  firstImage?: string | undefined;
  /** Undefined while images may follow. */
  total?: number | undefined;
}): string {
  const [first = '-'] = inputs;
  if (firstImage === undefined) return andMore(first, inputCount);
  return total === undefined ? `${plainName(firstImage)}, ...` : andMore(firstImage, total);
}

const andMore = (name: string, count: number): string =>
  count > 1 ? `${plainName(name)} and ${count - 1} more` : plainName(name);
