import { dollars } from '../../core/money/money.ts';
import { duration } from '../../core/text/duration.ts';
import type { UnknownJob } from '../../results/job-list.ts';
import type { ListedJob } from '../../results/listed-job.ts';
import { drawTable } from '../terminal/table.ts';

/** Jobs as a table. */
export function jobsText(jobs: readonly (ListedJob | UnknownJob)[], nowMs: number): string {
  if (jobs.length === 0) return 'No jobs.\n';
  const head = ['job', 'state', 'done', 'errors', 'age', 'images/s', 'left', 'cost'];
  const rows = jobs.map((job) => cells(job, nowMs));
  return `${drawTable(head, rows, { frame: 'none' })}\n`;
}

function cells(job: ListedJob | UnknownJob, nowMs: number): string[] {
  if ('unknown' in job) return [job.id, `unknown: ${job.unknown}`];
  const { id, state, done, total, errors, createdAtMs, imagesPerSecond, leftMs, usd } = job;
  return [
    id,
    state,
    total === undefined ? `${done}` : `${done} of ${total}`,
    String(errors),
    duration(Math.max(0, nowMs - createdAtMs)),
    imagesPerSecond?.toFixed(1) ?? '-',
    leftMs === undefined ? '-' : duration(leftMs),
    usd === undefined ? '-' : dollars(usd),
  ];
}
