/** Progress of a job for screen readers, not too often. Pure. */

import { duration } from '../../../../core/text/duration.ts';
import type { JobView } from '../../../api.ts';
import { counted, number } from '../../format.ts';
import { doneFraction, isOver } from '../job-text.ts';

const MIN_INTERVAL_MS = 10_000;

export interface Announcement {
  quarter: number;
  state: JobView['state'];
  atMs: number;
}

/** @returns the text and the state to pass as `before` next time; undefined when there is nothing to announce. */
export function announcementOf(
  job: JobView,
  before: Announcement | undefined,
  nowMs: number,
): { text: string; announced: Announcement } | undefined {
  const quarter = Math.floor(4 * (doneFraction(job) ?? 0));
  const announced = { quarter, state: job.state, atMs: nowMs };
  if (before === undefined) return { text: '', announced };
  if (isOver(job)) return before.state === job.state ? undefined : { text: endText(job), announced };
  if (quarter === before.quarter || nowMs - before.atMs < MIN_INTERVAL_MS) return undefined;
  const left = job.leftMs === undefined ? '' : `, ${duration(job.leftMs)} left`;
  return { text: `${number(job.done)} of ${counted(job.total ?? job.done, 'photo')} done${left}`, announced };
}

function endText({ state, done, errors }: JobView): string {
  const withErrors = errors === 0 ? '' : `, ${counted(errors, 'error')}`;
  return state === 'finished' ? `Finished: ${counted(done, 'photo')}${withErrors}` : 'Job cancelled';
}
