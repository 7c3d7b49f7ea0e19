import { systemClock } from '../../app/system-clock.ts';
import { type JobState, jobState } from '../../core/job/job.ts';
import { isDropJob } from '../../core/job/job-ids.ts';
import { isFinal, isInterrupted } from '../../core/job/job-record.ts';
import { ImgclsError, isUnreadable } from '../../core/runtime/errors.ts';
import { duration } from '../../core/text/duration.ts';
import { harmless } from '../../core/text/harmless.ts';
import { completeJobIds } from '../../results/complete-job-id.ts';
import { type DescribedJob, withFirstImage } from '../../results/first-images.ts';
import { requireJob } from '../../results/job-facts.ts';
import { listJobIds, readJobs, type UnknownJob } from '../../results/job-list.ts';
import type { ListedJob } from '../../results/listed-job.ts';
import { openOutput } from '../output/output.ts';
import { type Run, withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice, warn } from '../terminal/notice.ts';
import { screenOf } from '../terminal/screen.ts';
import { type StateWord, stateWord } from './job-words.ts';
import { jobsText } from './jobs-text.ts';
import { stillUploadedText, warnOncePerReason } from './wait.ts';

export interface JobsOptions {
  limit: number;
  state?: StateWord | JobState;
  wait?: boolean;
  timeout?: number;
  format: 'table' | 'json' | 'ndjson';
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls jobs`. @returns the exit code. */
export function listJobs(typed: readonly string[], options: JobsOptions): Promise<number> {
  const { cluster, dataDir, limit, state } = options;
  return withRun({ cluster, dataDir }, async (run) => {
    const { cloud, interrupted } = run;
    const named = await completeJobIds(cloud, typed, interrupted);
    for (const id of named) await requireJob(cloud, id, interrupted).catch(unlessUnreadable);
    const ids = named.length > 0 ? named : await listJobIds(cloud.output, interrupted);
    const submitted = named.length > 0 ? ids : ids.filter((id) => !isDropJob(id));
    if (options.wait === true) await waitForAll(submitted, run, options.timeout);
    const nowMs = systemClock.nowMs();
    const jobs: (DescribedJob | UnknownJob)[] = [];
    const reading = { state: recordStateOf(state), nowMs, signal: interrupted };
    for await (const job of readJobs(cloud, ids, reading)) {
      if (!isWanted(job, state)) continue;
      if (jobs.length === limit) {
        notice(`There are more jobs than ${limit}. Use --limit to list more.`);
        break;
      }
      jobs.push('unknown' in job ? job : await withFirstImage(run.cloud.output, job, run.interrupted));
    }
    const output = await openOutput(undefined);
    await output.write(textOf(jobs, options.format, nowMs));
    await output.finish();
    return jobs.some((job) => 'unknown' in job) ? exitCode.failed : exitCode.done;
  });
}

/** The list says of the job that it cannot be read, and why. */
function unlessUnreadable(error: unknown): undefined {
  if (!isUnreadable(error)) throw error;
}

/** The state of the records among which the wanted jobs are; undefined if they have several. */
function recordStateOf(state: JobsOptions['state']): JobState | undefined {
  const isRecordState = jobState.options.find((each) => each === state);
  if (isRecordState !== undefined) return isRecordState;
  return state === 'uploading' || state === 'interrupted' ? 'open' : undefined;
}

function isWanted(job: ListedJob | UnknownJob, state: JobsOptions['state']): boolean {
  if (state === undefined || 'unknown' in job) return true;
  return job.state === state || stateWord(job) === state;
}

function textOf(
  jobs: readonly (DescribedJob | UnknownJob)[],
  format: JobsOptions['format'],
  nowMs: number,
): string {
  if (format === 'table') return jobsText(jobs, { nowMs, screen: screenOf(process.stdout) });
  if (format === 'ndjson') return jobs.map((job) => `${harmless(JSON.stringify(job))}\n`).join('');
  return `[${jobs.map((job) => `\n  ${harmless(JSON.stringify(job))}`).join(',')}\n]\n`;
}

/** One after the other: on one machine, waiting for one job keeps workers running for all. */
async function waitForAll(
  ids: readonly string[],
  { client, cloud, interrupted }: Run,
  timeoutMs: number | undefined,
): Promise<void> {
  const timedOut = timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)];
  const signal = AbortSignal.any([interrupted, ...timedOut]);
  const waiting = { signal, onTransient: warnOncePerReason() };
  for (const id of ids) {
    const job = await client.job(id, waiting).catch(unlessUnreadable);
    if (job === undefined) continue;
    const record = await job.record(waiting);
    if (isFinal(record)) continue;
    if (isInterrupted(cloud, record)) {
      warn(`The upload of job ${id} was interrupted. Run "imgcls resume ${id}" to continue it.`);
      continue;
    }
    if (record.state === 'open') notice(stillUploadedText(id));
    try {
      for await (const _outcome of job.outcomes(waiting));
    } catch (error) {
      if (!signal.aborted || interrupted.aborted) throw error;
      throw new ImgclsError(
        'transient',
        `Timed out after ${duration(timeoutMs ?? 0)}: job ${id} is not finished.`,
        {
          hint: `Run "imgcls jobs ${id} --wait" to continue.`,
          cause: error,
        },
      );
    }
  }
}
