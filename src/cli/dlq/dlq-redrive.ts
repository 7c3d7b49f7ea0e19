// `imgcls dlq redrive`: retries the images of dead letters, job by job.

import { systemClock } from '../../app/system-clock.ts';
import type { Job } from '../../client/job.ts';
import { attemptTotal, type JobRecord } from '../../core/job/job.ts';
import { isDropJob } from '../../core/job/job-ids.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import type { KeptDeadLetter } from '../../results/dead-letter-records.ts';
import {
  byJob,
  isReadable,
  type JobDeadLetters,
  redriveMessages,
  removeDeadLetters,
  requestOf,
  withMissingOutcomes,
} from '../../results/dead-letter-records.ts';
import { continueHint, waitAndPrint, warnOncePerReason, withAdvice } from '../jobs/wait.ts';
import {
  checkOutputFlags,
  type Output,
  type OutputFlags,
  openOutput,
  outputFormatOf,
} from '../output/output.ts';
import { type Run, withRun } from '../run.ts';
import { exitCode, InterruptedError } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { type DeadLetterFlags, printTaken, select } from './dlq.ts';

export interface RedriveFlags extends DeadLetterFlags, OutputFlags {
  wait: boolean;
  timeout?: number;
}

/** The number of skipped dead letters, and the jobs whose images are retried. */
interface Redriven {
  skipped: number;
  jobs: Job[];
}

/**
 * Runs `imgcls dlq redrive`. The images of all jobs are submitted before any job is waited for, so the fleet has all of
 * the work at once.
 * @returns the exit code.
 */
export async function redriveDeadLetters(ids: readonly string[], flags: RedriveFlags): Promise<number> {
  const { cluster, dataDir } = flags;
  checkOutputFlags(flags);
  return await withRun({ cluster, dataDir }, async (run) => {
    const letters = await select(ids, flags, run);
    if (letters.length === 0) notice('No dead letters found.');
    if (flags.dryRun === true) return await printTaken(letters);
    const jobs = byJob(letters.filter(isReadable));
    if (flags.wait) checkFormat(jobs.length, flags);
    const output = await openOutput(flags.output);
    try {
      const unreadable = skipUnreadable(letters);
      const redriven = await redriveJobs(jobs, run);
      const end = flags.wait
        ? await printAll(redriven.jobs, flags, { run, output })
        : await printIds(redriven.jobs, output);
      await output.finish();
      return unreadable + redriven.skipped > 0 ? exitCode.failed : end;
    } finally {
      await output.close();
    }
  });
}

/** A json or csv document has one beginning and end, and its rows do not name their job. */
function checkFormat(jobs: number, flags: OutputFlags): void {
  const format = outputFormatOf(flags);
  if (jobs < 2 || (format !== 'json' && format !== 'csv')) return;
  throw new ImgclsError('usage', `Cannot write the outcomes of ${jobs} jobs as one ${format} document.`, {
    hint: 'Use --job JOB, --no-wait or another --format.',
  });
}

/** Reports the dead letters that no worker can process. @returns how many. */
function skipUnreadable(letters: readonly KeptDeadLetter[]): number {
  let skipped = 0;
  for (const letter of letters) {
    if (isReadable(letter) && requestOf(letter) !== undefined) continue;
    notice(`Skipped dead letter ${letter.messageId}: ${skipReason(letter)}`);
    skipped++;
  }
  return skipped;
}

/** Dropped images have no job record to count another attempt; they can be dropped again. */
function skipReason(letter: KeptDeadLetter): string {
  if (!isReadable(letter)) return unreadable(letter.unreadable);
  if (letter.job === undefined || !isDropJob(letter.job)) return unreadable(letter.why);
  return 'it is about a dropped image. Drop the image again, for example by copying it onto itself.';
}

const unreadable = (why: string): string => `it cannot be read. ${why} Delete it with "imgcls dlq purge".`;

async function redriveJobs(letters: readonly JobDeadLetters[], run: Run): Promise<Redriven> {
  const redriven: Redriven = { skipped: 0, jobs: [] };
  for (const each of letters) {
    const { skipped, jobs } = await redriveJob(each, run);
    redriven.skipped += skipped;
    redriven.jobs.push(...jobs);
  }
  return redriven;
}

async function redriveJob(letters: JobDeadLetters, run: Run): Promise<Redriven> {
  const record = await recordOf(letters.job, run);
  switch (record?.state) {
    case 'finished':
      return await retryImages(letters, run);
    case 'open':
    case 'sealed':
      return await sendBackUnanswered(letters, record, run);
    default:
      return skip(
        letters,
        `${record === undefined ? 'the job does not exist' : `the job is ${record.state}`}. Delete them with "imgcls dlq purge".`,
      );
  }
}

/** Undefined if the job was deleted. */
async function recordOf(id: string, { client, interrupted }: Run): Promise<JobRecord | undefined> {
  const waiting = { signal: interrupted, onTransient: warnOncePerReason() };
  try {
    return await (await client.job(id, waiting)).record(waiting);
  } catch (error) {
    if (isUsage(error)) return undefined;
    throw error;
  }
}

const isUsage = (error: unknown): error is ImgclsError =>
  error instanceof ImgclsError && error.kind === 'usage';

const textOf = ({ job, letters }: Pick<JobDeadLetters, 'job' | 'letters'>): string =>
  `${pluralize(letters.length, 'dead letter')} of job ${job}`;

function skip(letters: Pick<JobDeadLetters, 'job' | 'letters'>, reason: string): Redriven {
  notice(`Skipped ${textOf(letters)}: ${reason}`);
  return { skipped: letters.letters.length, jobs: [] };
}

/**
 * For an unfinished job: messages that its workers could not read go back to the queue, since their images have no outcome.
 * The images of the other dead letters have an error outcome, and can be retried only when the job is finished.
 */
async function sendBackUnanswered(
  { job, letters }: JobDeadLetters,
  { state }: JobRecord,
  { cloud, interrupted }: Run,
): Promise<Redriven> {
  const lost = await withMissingOutcomes(cloud.output, letters, interrupted);
  if (lost.length > 0) {
    await redriveMessages(cloud, { job, letters: lost }, interrupted);
    await removeDeadLetters(cloud.output, lost, interrupted);
    notice(
      `Sent ${textOf({ job, letters: lost })} to the request queue. Run "imgcls results ${job} --wait" to wait for the job.`,
    );
  }
  const rest = letters.filter((letter) => !lost.includes(letter));
  if (rest.length === 0) return { skipped: 0, jobs: [] };
  const command = state === 'open' ? `"imgcls resume ${job}"` : `"imgcls results ${job} --wait"`;
  return skip({ job, letters: rest }, `the job is ${state}. Run ${command} to finish it, then redrive them.`);
}

/** Retries the images that still have an error in the job's next attempt, and deletes the dead letters. */
async function retryImages(letters: JobDeadLetters, run: Run): Promise<Redriven> {
  const { client, cloud, interrupted } = run;
  const isWanted = (index: number) => letters.indexes.has(index);
  const retrying = { wait: false, isWanted, onTransient: warnOncePerReason(), signal: interrupted };
  let job: Job | undefined;
  try {
    job = await client.retry(letters.job, retrying);
  } catch (error) {
    // Another command has just opened, cancelled or deleted the job.
    if (isUsage(error)) return skip(letters, `it cannot be retried now. ${error.message}`);
    throw error;
  }
  const images = job === undefined ? 0 : await submittedImages(job, interrupted);
  await removeDeadLetters(cloud.output, letters.letters, interrupted);
  const advice = job === undefined ? '' : ` Run "imgcls results ${job.id} --wait" to wait for them.`;
  notice(`Retrying ${pluralize(images, 'image')} from ${textOf(letters)}.${advice}`);
  return { skipped: 0, jobs: job === undefined ? [] : [job] };
}

/** The number of images in the new attempt, once all of them are submitted. */
async function submittedImages(job: Job, interrupted: AbortSignal): Promise<number> {
  try {
    return attemptTotal(await job.submitted) ?? 0;
  } catch (error) {
    const advice = await continueHint(job);
    throw interrupted.aborted ? new InterruptedError(advice) : withAdvice(error, advice);
  }
}

async function printIds(jobs: readonly Job[], output: Output): Promise<number> {
  for (const { id } of jobs) await output.write(`${id}\n`);
  return exitCode.done;
}

/** Prints the new outcomes, one job after the other. @returns the exit code. */
async function printAll(
  jobs: readonly Job[],
  { timeout, ...flags }: RedriveFlags,
  { run: { cloud, interrupted }, output }: { run: Run; output: Output },
): Promise<number> {
  const endMs = systemClock.monotonicMs() + (timeout ?? 0);
  const unfinished: Output = { ...output, finish: async () => {} };
  let exit: number = exitCode.done;
  for (const job of jobs) {
    const leftMs = Math.max(0, endMs - systemClock.monotonicMs());
    const timed = { ...flags, ...(timeout !== undefined && { timeout: leftMs }) };
    const code = await waitAndPrint(job, timed, {
      interrupted,
      output: unfinished,
      stored: () => 0,
      onTransient: warnOncePerReason(),
      costUsd: () => readJobCost(cloud.output, job.id),
      clock: systemClock,
    });
    if (code !== exitCode.done) exit = code;
  }
  return exit;
}
