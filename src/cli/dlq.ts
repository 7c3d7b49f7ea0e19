import type { DeadLetter } from '../core/dead-letter.ts';
import { ImgclsError, ObjectMissingError } from '../core/errors.ts';
import type { JobState } from '../core/job.ts';
import { deadLetterQueueName } from '../core/keys.ts';
import { harmless } from '../results/export.ts';
import {
  byJob,
  type JobLetters,
  readLetter,
  readLetters,
  removeLetters,
  requestOf,
  type UnreadableLetter,
} from '../results/letters.ts';
import { lettersText } from './dlq-text.ts';
import { waitForAll } from './jobs.ts';
import { openOutput } from './output.ts';
import { exitCode } from './report.ts';
import { notice, type Run, withRun } from './run.ts';
import { faultTeller } from './wait.ts';

interface RunFlags {
  cluster?: string;
  dataDir?: string;
}

export interface LetterListFlags extends RunFlags {
  job?: string;
  format: 'table' | 'json' | 'ndjson';
}

/** Which letters are meant. */
export interface LetterFlags extends RunFlags {
  job?: string;
  all?: boolean;
}

export interface RedriveFlags extends LetterFlags {
  wait: boolean;
  timeout?: number;
}

/** Runs `imgcls dlq list`. @returns the exit code. */
export function listLetters({ job, format, cluster, dataDir }: LetterListFlags): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ cloud, interrupted }) => {
    const letters = (await Array.fromAsync(readLetters(cloud.output, interrupted)))
      .filter((letter) => job === undefined || ('job' in letter && letter.job === job))
      .sort((a, b) => receivedAt(b) - receivedAt(a));
    const output = await openOutput(undefined);
    await output.write(textOf(letters, format));
    await output.finish();
    const { waiting, inFlight } = await cloud.queues
      .open(deadLetterQueueName(cloud.cluster))
      .depth(interrupted);
    if (waiting + inFlight > 0)
      notice(`${waiting + inFlight} more are in the dead-letter queue; a controller takes them from there.`);
    return letters.some((letter) => 'unreadable' in letter) ? exitCode.failed : exitCode.done;
  });
}

const receivedAt = (letter: DeadLetter | UnreadableLetter): number =>
  'receivedAtMs' in letter ? letter.receivedAtMs : 0;

function textOf(
  letters: readonly (DeadLetter | UnreadableLetter)[],
  format: LetterListFlags['format'],
): string {
  if (format === 'table') return lettersText(letters);
  const lines = letters.map((letter) => harmless(JSON.stringify(letter)));
  return format === 'ndjson'
    ? lines.map((line) => `${line}\n`).join('')
    : `[${lines.map((line) => `\n  ${line}`).join(',')}\n]\n`;
}

/** Runs `imgcls dlq show`. @returns the exit code. */
export function showLetter(id: string, { cluster, dataDir }: RunFlags): Promise<number> {
  return withRun({ cluster, dataDir }, async (run) => {
    const letter = await find(id, run);
    const output = await openOutput(undefined);
    const shown = { ...letter, request: requestOf(letter) };
    await output.write(`${JSON.stringify(shown, null, 2).split('\n').map(harmless).join('\n')}\n`);
    await output.finish();
    return exitCode.done;
  });
}

async function find(id: string, { cloud, interrupted }: Run): Promise<DeadLetter> {
  try {
    return await readLetter(cloud.output, id, interrupted);
  } catch (cause) {
    if (!(cause instanceof ObjectMissingError)) throw cause;
    throw new ImgclsError('usage', `There is no dead letter ${id}.`, {
      hint: '"imgcls dlq list" lists those there are.',
      cause,
    });
  }
}

/** The letters that are meant, each once. */
async function select(
  ids: readonly string[],
  { job, all }: LetterFlags,
  run: Run,
): Promise<(DeadLetter | UnreadableLetter)[]> {
  if (ids.length === 0 && job === undefined && all !== true) {
    throw new ImgclsError('usage', 'It is not said which letters.', {
      hint: 'Give message ids, --job JOB or --all.',
    });
  }
  const named = await Promise.all([...new Set(ids)].map((id) => find(id, run)));
  if (job === undefined && all !== true) return named;
  const kept = await Array.fromAsync(readLetters(run.cloud.output, run.interrupted));
  const meant = kept.filter((letter) => all === true || ('job' in letter && letter.job === job));
  return [
    ...meant,
    ...named.filter(({ messageId }) => !meant.some((other) => other.messageId === messageId)),
  ];
}

/** Runs `imgcls dlq purge`. @returns the exit code. */
export function purgeLetters(ids: readonly string[], flags: LetterFlags): Promise<number> {
  const { cluster, dataDir } = flags;
  return withRun({ cluster, dataDir }, async (run) => {
    const letters = await select(ids, flags, run);
    await removeLetters(run.cloud.output, letters, run.interrupted);
    notice(`letters deleted: ${letters.length}.`);
    return exitCode.done;
  });
}

/** Runs `imgcls dlq redrive`. @returns the exit code. */
export function redriveLetters(ids: readonly string[], flags: RedriveFlags): Promise<number> {
  const { cluster, dataDir } = flags;
  return withRun({ cluster, dataDir }, async (run) => {
    const letters = (await select(ids, flags, run)).filter((letter) => 'body' in letter);
    const leftOut = letters.filter((letter) => requestOf(letter) === undefined);
    for (const { messageId, why } of leftOut)
      notice(`left out letter ${messageId}, which cannot be read: ${why}`);
    const jobs = byJob(letters);
    const redriven: string[] = [];
    for (const job of jobs) if (await redrive(job, flags, run)) redriven.push(job.job);
    if (flags.wait) await waitForAll(redriven, run, flags.timeout);
    return leftOut.length > 0 || redriven.length < jobs.length ? exitCode.failed : exitCode.done;
  });
}

/** Announces the images of one job's letters in its next attempt; then the letters go. False where that cannot be. */
async function redrive(
  { job: id, letters, indexes }: JobLetters,
  { wait }: RedriveFlags,
  { client, cloud, interrupted }: Run,
): Promise<boolean> {
  const what = `letters of job ${id}: ${letters.length}`;
  const record = await stateOf(id, { client, interrupted });
  if (record !== 'finished') {
    const wayOut =
      record === 'sealed' || record === 'open'
        ? 'redrive them when it is finished'
        : '"imgcls dlq purge" deletes them';
    notice(`left out ${what}, since the job is ${record}; ${wayOut}.`);
    return false;
  }
  const job = await client.retry(id, {
    wait: false,
    isWanted: (index) => indexes.has(index),
    onTransient: faultTeller(),
    signal: interrupted,
  });
  const { retried = [] } = (await job?.submitted) ?? {};
  await removeLetters(cloud.output, letters, interrupted);
  const images = job === undefined ? 0 : (retried.at(-1) ?? 0);
  const how = wait || images === 0 ? '' : `; "imgcls results ${id} --wait" waits for them`;
  notice(`${what}; images that are tried again: ${images}${how}.`);
  return true;
}

async function stateOf(
  id: string,
  { client, interrupted }: Pick<Run, 'client' | 'interrupted'>,
): Promise<JobState | 'unknown'> {
  try {
    return (await (await client.job(id, { signal: interrupted })).record()).state;
  } catch (error) {
    if (error instanceof ImgclsError && error.kind === 'usage') return 'unknown';
    throw error;
  }
}
