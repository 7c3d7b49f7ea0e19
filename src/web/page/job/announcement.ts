/** What to tell somebody who does not see the progress bar, and not too often. Pure. */

import { duration } from '../../../core/text/duration.ts';
import type { JobView } from '../../api.ts';
import { counted, number } from '../format.ts';
import { doneShare, isOver } from './job-text.ts';

const QUIET_MS = 10_000;

export interface Announcement {
  quarter: number;
  state: JobView['state'];
  atMs: number;
}

/** @returns what to say and what is then said, or undefined to keep quiet. */
export function announcement(
  job: JobView,
  before: Announcement | undefined,
  nowMs: number,
): { text: string; announced: Announcement } | undefined {
  const quarter = Math.floor(4 * (doneShare(job) ?? 0));
  const announced = { quarter, state: job.state, atMs: nowMs };
  if (before === undefined) return { text: '', announced };
  if (isOver(job)) return before.state === job.state ? undefined : { text: ending(job), announced };
  if (quarter === before.quarter || nowMs - before.atMs < QUIET_MS) return undefined;
  const left = job.leftMs === undefined ? '' : `, ${duration(job.leftMs)} left`;
  return { text: `${number(job.done)} of ${counted(job.total ?? job.done, 'image')} done${left}`, announced };
}

function ending({ state, done, errors }: JobView): string {
  const faulty = errors === 0 ? '' : `, ${counted(errors, 'error')}`;
  return state === 'finished' ? `Finished: ${counted(done, 'image')}${faulty}` : 'The job was cancelled';
}
