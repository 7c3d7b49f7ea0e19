import { dollars } from '../../core/money/money.ts';
import { duration } from '../../core/text/duration.ts';
import type { DescribedJob } from '../../results/first-images.ts';
import type { UnknownJob } from '../../results/job-list.ts';
import type { Screen } from '../terminal/screen.ts';
import { type Cell, drawTable } from '../terminal/table.ts';
import { inputsText, stateWord } from './job-words.ts';

/** Jobs as a table. */
export function jobsText(
  jobs: readonly (DescribedJob | UnknownJob)[],
  { nowMs, screen }: { nowMs: number; screen: Screen | undefined },
): string {
  if (jobs.length === 0) return 'No jobs.\n';
  const head = ['job', 'state', 'done', 'errors', 'age', 'images/s', 'left', 'cost', 'started', 'inputs'];
  const rows = jobs.map((job) => cells(job, nowMs));
  const dropFirst = ['started', 'images/s', 'cost', 'left', 'errors', 'age', 'state', 'inputs'];
  return `${drawTable(head, rows, { frame: 'none', screen, dropFirst, whole: ['job'] })}\n`;
}

function cells(job: DescribedJob | UnknownJob, nowMs: number): Cell[] {
  if ('unknown' in job) return [job.id, `unknown: ${job.unknown}`];
  const { id, done, total, errors, createdAtMs, imagesPerSecond, leftMs, usd } = job;
  const state = stateWord(job);
  return [
    id,
    state === 'interrupted' ? { text: state, style: 'yellow' } : state,
    total === undefined ? `${done}` : `${done} of ${total}`,
    errors === 0 ? '0' : { text: String(errors), style: 'red' },
    duration(Math.max(0, nowMs - createdAtMs)),
    imagesPerSecond?.toFixed(1) ?? '-',
    leftMs === undefined ? '-' : duration(leftMs),
    usd === undefined ? '-' : dollars(usd),
    localTime(createdAtMs),
    inputsText(job),
  ];
}

/** `2026-11-30 14:03`, in the time zone of the reader. */
function localTime(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
