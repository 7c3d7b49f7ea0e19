import { dollars } from '../../core/money/money.ts';
import { harmless } from '../../results/export.ts';
import type { UnknownJob } from '../../results/job-list.ts';
import type { ListedJob } from '../../results/listed-job.ts';
import { columns } from '../terminal/columns.ts';
import { duration } from '../terminal/progress.ts';

/** Jobs below each other, for a person. */
export function jobsText(jobs: readonly (ListedJob | UnknownJob)[], nowMs: number): string {
  if (jobs.length === 0) return 'There is no job.\n';
  const head = ['job', 'state', 'done', 'errors', 'age', 'images/s', 'left', 'cost'];
  const lines = columns(
    head,
    jobs.map((job) => cells(job, nowMs)),
  );
  return lines.map((line) => `${line}\n`).join('');
}

function cells(job: ListedJob | UnknownJob, nowMs: number): string[] {
  if ('unknown' in job) return [job.id, harmless(`unknown: ${job.unknown}`)];
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
