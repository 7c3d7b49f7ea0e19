// `imgcls dlq list | show | purge`, and which letters a command means; dlq-redrive.ts has the rest.

import { deadLetterQueueName } from '../../core/job/keys.ts';
import { ImgclsError, ObjectMissingError } from '../../core/runtime/errors.ts';
import {
  isReadable,
  jobOf,
  type KeptDeadLetter,
  newestFirst,
  readDeadLetter,
  readDeadLetters,
  removeDeadLetters,
} from '../../results/dead-letter-records.ts';
import { type Run, withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { openOutput } from '../terminal/output.ts';
import { type LetterFormat, letterJson, lettersText, letterText } from './dlq-text.ts';

interface RunFlags {
  cluster?: string;
  dataDir?: string;
}

export interface LetterListFlags extends RunFlags {
  job?: string;
  format: LetterFormat;
}

/** Which letters are meant. */
export interface LetterFlags extends RunFlags {
  job?: string;
  all?: boolean;
}

/** Runs `imgcls dlq list`. @returns the exit code. */
export function listLetters({ job, format, cluster, dataDir }: LetterListFlags): Promise<number> {
  return withRun({ cluster, dataDir }, async (run) => {
    const letters = newestFirst(await keptLetters(job, run));
    await print(lettersText(letters, format));
    await tellUndrained(run);
    return letters.every(isReadable) ? exitCode.done : exitCode.failed;
  });
}

/** All that are kept, or those of a job. */
async function keptLetters(
  job: string | undefined,
  { cloud, interrupted }: Pick<Run, 'cloud' | 'interrupted'>,
): Promise<KeptDeadLetter[]> {
  const letters = await Array.fromAsync(readDeadLetters(cloud.output, interrupted));
  return job === undefined ? letters : letters.filter((letter) => jobOf(letter) === job);
}

async function print(text: string): Promise<void> {
  const output = await openOutput(undefined);
  await output.write(text);
  await output.finish();
}

/** Letters that nobody has kept yet are counted and not taken: their images still want outcomes. */
async function tellUndrained({ cloud, interrupted }: Run): Promise<void> {
  const queue = cloud.queues.open(deadLetterQueueName(cloud.cluster));
  const { waiting, inFlight } = await queue.depth(interrupted);
  if (waiting + inFlight > 0)
    notice(`${waiting + inFlight} more are in the dead-letter queue; a controller takes them from there.`);
}

/** Runs `imgcls dlq show`. @returns the exit code. */
export function showLetter(id: string, { cluster, dataDir }: RunFlags): Promise<number> {
  return withRun({ cluster, dataDir }, async (run) => {
    const letter = await find(id, run);
    await print(process.stdout.isTTY ? letterText(letter) : letterJson(letter));
    return exitCode.done;
  });
}

/** Runs `imgcls dlq purge`. @returns the exit code. */
export function purgeLetters(ids: readonly string[], flags: LetterFlags): Promise<number> {
  const { cluster, dataDir } = flags;
  return withRun({ cluster, dataDir }, async (run) => {
    const letters = await select(ids, flags, run);
    await removeDeadLetters(run.cloud.output, letters, run.interrupted);
    notice(`letters deleted: ${letters.length}.`);
    return exitCode.done;
  });
}

/**
 * The letters that are meant, each once.
 * @throws {ImgclsError} of kind `usage` where that is not said in one way: `--job JOB --all` must not take those of others.
 */
export async function select(
  ids: readonly string[],
  { job, all = false }: LetterFlags,
  run: Run,
): Promise<KeptDeadLetter[]> {
  const ways = [ids.length > 0, job !== undefined, all].filter(Boolean).length;
  if (ways !== 1) {
    const what = ways === 0 ? 'It is not said which letters.' : 'It is said in several ways which letters.';
    throw new ImgclsError('usage', what, { hint: 'Give message ids, --job JOB or --all.' });
  }
  return ids.length === 0
    ? newestFirst(await keptLetters(job, run))
    : await Promise.all([...new Set(ids)].map((id) => find(id, run)));
}

async function find(id: string, { cloud, interrupted }: Run): Promise<KeptDeadLetter> {
  try {
    return await readDeadLetter(cloud.output, id, interrupted);
  } catch (cause) {
    if (!(cause instanceof ObjectMissingError)) throw cause;
    throw new ImgclsError('usage', `There is no dead letter ${id}.`, {
      hint: '"imgcls dlq list" lists those there are.',
      cause,
    });
  }
}
