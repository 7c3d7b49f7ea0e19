// `imgcls dlq redrive`: the images of dead letters get another try, job by job.

import { systemClock } from '../../app/system-clock.ts';
import type { Job } from '../../client/submission.ts';
import { attemptTotal, type JobRecord } from '../../core/job/job.ts';
import { isDropJob } from '../../core/job/job-ids.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { KeptDeadLetter } from '../../results/dead-letter-records.ts';
import {
  byJob,
  isReadable,
  type JobDeadLetters,
  redriveMessages,
  removeDeadLetters,
  requestOf,
  unanswered,
} from '../../results/dead-letter-records.ts';
import { faultTeller, howToGoOn, waitAndPrint, withAdvice } from '../jobs/wait.ts';
import { type Run, withRun } from '../run.ts';
import { exitCode, InterruptedError } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import {
  checkOutputFlags,
  type Output,
  type OutputFlags,
  openOutput,
  outputFormatOf,
} from '../terminal/output.ts';
import { type LetterFlags, select } from './dlq.ts';

export interface RedriveFlags extends LetterFlags, OutputFlags {
  wait: boolean;
  timeout?: number;
}

/** What became of letters: how many were left out, and the jobs whose images are tried again. */
interface Redriven {
  leftOut: number;
  jobs: Job[];
}

/**
 * Runs `imgcls dlq redrive`. Every job's images are announced before any is waited for, so that the fleet has all of the
 * work at once.
 * @returns the exit code.
 */
export async function redriveLetters(ids: readonly string[], flags: RedriveFlags): Promise<number> {
  const { cluster, dataDir } = flags;
  checkOutputFlags(flags);
  return await withRun({ cluster, dataDir }, async (run) => {
    const letters = await select(ids, flags, run);
    if (letters.length === 0) notice('There is no such letter.');
    const jobs = byJob(letters.filter(isReadable));
    if (flags.wait) mustFit(jobs.length, flags);
    const output = await openOutput(flags.output);
    try {
      const leftOut = leaveOutUnreadable(letters);
      const redriven = await redriveJobs(jobs, run);
      const end = flags.wait
        ? await printAll(redriven.jobs, flags, { run, output })
        : await printIds(redriven.jobs, output);
      await output.finish();
      return leftOut + redriven.leftOut > 0 ? exitCode.failed : end;
    } finally {
      await output.close();
    }
  });
}

/** These formats have one beginning and one end, and their rows do not say of which job they are. */
function mustFit(jobs: number, flags: OutputFlags): void {
  const format = outputFormatOf(flags);
  if (jobs < 2 || (format !== 'json' && format !== 'csv')) return;
  throw new ImgclsError('usage', `The outcomes of ${jobs} jobs do not fit into one ${format} document.`, {
    hint: 'Give --job JOB, --no-wait, or another --format.',
  });
}

/** Says which letters no worker could make sense of. @returns how many. */
function leaveOutUnreadable(letters: readonly KeptDeadLetter[]): number {
  let leftOut = 0;
  for (const letter of letters) {
    if (isReadable(letter) && requestOf(letter) !== undefined) continue;
    notice(`left out letter ${letter.messageId}, ${whyLeftOut(letter)}`);
    leftOut++;
  }
  return leftOut;
}

/** There is no record of dropped images that could count another attempt, and whoever has dropped one can do so again. */
function whyLeftOut(letter: KeptDeadLetter): string {
  if (!isReadable(letter)) return unreadable(letter.unreadable);
  if (letter.job === undefined || !isDropJob(letter.job)) return unreadable(letter.why);
  return 'which is about a dropped image: drop it again (a copy onto itself will do) to have it classified.';
}

const unreadable = (why: string): string => `which cannot be read: ${why} "imgcls dlq purge" deletes it.`;

async function redriveJobs(letters: readonly JobDeadLetters[], run: Run): Promise<Redriven> {
  const redriven: Redriven = { leftOut: 0, jobs: [] };
  for (const each of letters) {
    const { leftOut, jobs } = await redriveJob(each, run);
    redriven.leftOut += leftOut;
    redriven.jobs.push(...jobs);
  }
  return redriven;
}

async function redriveJob(letters: JobDeadLetters, run: Run): Promise<Redriven> {
  const record = await recordOf(letters.job, run);
  switch (record?.state) {
    case 'finished':
      return await tryAgain(letters, run);
    case 'open':
    case 'sealed':
      return await sendBackUnanswered(letters, record, run);
    default:
      return leaveOut(
        letters,
        `since the job is ${record?.state ?? 'unknown'}; "imgcls dlq purge" deletes them.`,
      );
  }
}

/** Undefined where there is no such job any more. */
async function recordOf(id: string, { client, interrupted }: Run): Promise<JobRecord | undefined> {
  const waiting = { signal: interrupted, onTransient: faultTeller() };
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
  `letters of job ${job}: ${letters.length}`;

function leaveOut(letters: Pick<JobDeadLetters, 'job' | 'letters'>, why: string): Redriven {
  notice(`left out ${textOf(letters)}, ${why}`);
  return { leftOut: letters.letters.length, jobs: [] };
}

/**
 * A job that runs still: what its workers could not read is work that it lacks, and goes back to the queue. Images of the
 * other letters have their error, and the next attempt is for after the job's end.
 */
async function sendBackUnanswered(
  { job, letters }: JobDeadLetters,
  { state }: JobRecord,
  { cloud, interrupted }: Run,
): Promise<Redriven> {
  const lost = await unanswered(cloud.output, letters, interrupted);
  if (lost.length > 0) {
    await redriveMessages(cloud, { job, letters: lost }, interrupted);
    await removeDeadLetters(cloud.output, lost, interrupted);
    notice(
      `${textOf({ job, letters: lost })} sent back to the request queue; "imgcls results ${job} --wait" waits for the job.`,
    );
  }
  const rest = letters.filter((letter) => !lost.includes(letter));
  if (rest.length === 0) return { leftOut: 0, jobs: [] };
  const wayOut = state === 'open' ? `"imgcls resume ${job}"` : `"imgcls results ${job} --wait"`;
  return leaveOut(
    { job, letters: rest },
    `since the job is ${state}; redrive them when it is finished (${wayOut}).`,
  );
}

/** Announces the images of letters whose outcome still is an error in the job's next attempt; then the letters go. */
async function tryAgain(letters: JobDeadLetters, run: Run): Promise<Redriven> {
  const { client, cloud, interrupted } = run;
  const isWanted = (index: number) => letters.indexes.has(index);
  const retrying = { wait: false, isWanted, onTransient: faultTeller(), signal: interrupted };
  let job: Job | undefined;
  try {
    job = await client.retry(letters.job, retrying);
  } catch (error) {
    // Somebody else has just opened, cancelled or deleted the job.
    if (isUsage(error)) return leaveOut(letters, `since it cannot be tried again now: ${error.message}`);
    throw error;
  }
  const images = job === undefined ? 0 : await announced(job, interrupted);
  await removeDeadLetters(cloud.output, letters.letters, interrupted);
  const wayOut = job === undefined ? '' : `; "imgcls results ${job.id} --wait" waits for them`;
  notice(`${textOf(letters)}; images that are tried again: ${images}${wayOut}.`);
  return { leftOut: 0, jobs: job === undefined ? [] : [job] };
}

/** How many images the new attempt has, once all of them are announced. */
async function announced(job: Job, interrupted: AbortSignal): Promise<number> {
  try {
    return attemptTotal(await job.submitted) ?? 0;
  } catch (error) {
    const advice = await howToGoOn(job);
    throw interrupted.aborted ? new InterruptedError(advice) : withAdvice(error, advice);
  }
}

async function printIds(jobs: readonly Job[], output: Output): Promise<number> {
  for (const { id } of jobs) await output.write(`${id}\n`);
  return exitCode.done;
}

/** The new outcomes, job after job. @returns the exit code. */
async function printAll(
  jobs: readonly Job[],
  { timeout, ...flags }: RedriveFlags,
  { run: { cloud, interrupted }, output }: { run: Run; output: Output },
): Promise<number> {
  const endMs = systemClock.monotonicMs() + (timeout ?? 0);
  const whole: Output = { ...output, finish: async () => {} };
  let end: number = exitCode.done;
  for (const job of jobs) {
    const leftMs = Math.max(0, endMs - systemClock.monotonicMs());
    const timed = { ...flags, ...(timeout !== undefined && { timeout: leftMs }) };
    const code = await waitAndPrint(job, timed, {
      interrupted,
      output: whole,
      stored: () => 0,
      tellOnce: faultTeller(),
      costUsd: () => readJobCost(cloud.output, job.id),
      clock: systemClock,
    });
    if (code !== exitCode.done) end = code;
  }
  return end;
}
