// `imgcls dlq list`, `show` and `purge`, and the selection of dead letters. dlq-redrive.ts has `redrive`.

import { deadLetterQueueName } from '../../core/job/keys.ts';
import { ImgclsError, ObjectMissingError } from '../../core/runtime/errors.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { completeJobId } from '../../results/complete-job-id.ts';
import {
  isReadable,
  jobOf,
  type KeptDeadLetter,
  newestFirst,
  readDeadLetter,
  readDeadLetters,
  removeDeadLetters,
} from '../../results/dead-letter-records.ts';
import { openOutput } from '../output/output.ts';
import { type Run, withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { screenOf } from '../terminal/screen.ts';
import { type DeadLetterFormat, deadLetterJson, deadLettersText, deadLetterText } from './dlq-text.ts';

interface RunFlags {
  cluster?: string;
  dataDir?: string;
}

export interface DeadLetterListFlags extends RunFlags {
  job?: string;
  format: DeadLetterFormat;
}

/** Selects dead letters, unless they are named by id. */
export interface DeadLetterFlags extends RunFlags {
  job?: string;
  all?: boolean;
  dryRun?: boolean;
}

/** Runs `imgcls dlq list`. @returns the exit code. */
export function listDeadLetters({ job, format, cluster, dataDir }: DeadLetterListFlags): Promise<number> {
  return withRun({ cluster, dataDir }, async (run) => {
    const letters = newestFirst(await readSelected(job, run));
    await print(deadLettersText(letters, format, screenOf(process.stdout)));
    await noteUndrained(run);
    return letters.every(isReadable) ? exitCode.done : exitCode.failed;
  });
}

/** What a dry run would take. @returns the exit code. */
export async function printTaken(letters: readonly KeptDeadLetter[]): Promise<number> {
  await print(deadLettersText(letters, 'table', screenOf(process.stdout)));
  notice('Dry run: nothing was changed.');
  return exitCode.done;
}

/** All dead letters, or those of a job. */
async function readSelected(
  job: string | undefined,
  { cloud, interrupted }: Pick<Run, 'cloud' | 'interrupted'>,
): Promise<KeptDeadLetter[]> {
  const letters = await Array.fromAsync(readDeadLetters(cloud.output, interrupted));
  if (job === undefined) return letters;
  const id = await completeJobId(cloud, job, interrupted);
  return letters.filter((letter) => jobOf(letter) === id);
}

async function print(text: string): Promise<void> {
  const output = await openOutput(undefined);
  await output.write(text);
  await output.finish();
}

/** Counts dead letters that no controller has drained yet. Taking them here would leave their images without outcomes. */
async function noteUndrained({ cloud, interrupted }: Run): Promise<void> {
  const queue = cloud.queues.open(deadLetterQueueName(cloud.cluster));
  const { waiting, inFlight } = await queue.depth(interrupted);
  if (waiting + inFlight > 0)
    notice(
      `${pluralize(waiting + inFlight, 'more dead letter')} in the dead-letter queue. A controller moves them to this list: "imgcls scale", with --fleet none if it should launch no workers.`,
    );
}

/** Runs `imgcls dlq show`. @returns the exit code. */
export function showDeadLetter(id: string, { cluster, dataDir }: RunFlags): Promise<number> {
  return withRun({ cluster, dataDir }, async (run) => {
    const letter = await find(id, run);
    await print(process.stdout.isTTY ? deadLetterText(letter) : deadLetterJson(letter));
    return exitCode.done;
  });
}

/** Runs `imgcls dlq purge`. @returns the exit code. */
export function purgeDeadLetters(ids: readonly string[], flags: DeadLetterFlags): Promise<number> {
  const { cluster, dataDir } = flags;
  return withRun({ cluster, dataDir }, async (run) => {
    const letters = await select(ids, flags, run);
    if (flags.dryRun === true) return await printTaken(letters);
    await removeDeadLetters(run.cloud.output, letters, run.interrupted);
    notice(`Deleted ${pluralize(letters.length, 'dead letter')}.`);
    return exitCode.done;
  });
}

/**
 * The selected dead letters, each once.
 * @throws {ImgclsError} of kind `usage` unless they are selected in exactly one way: `--job JOB --all` must not take those of other jobs.
 */
export async function select(
  ids: readonly string[],
  { job, all = false }: DeadLetterFlags,
  run: Run,
): Promise<KeptDeadLetter[]> {
  const ways = [ids.length > 0, job !== undefined, all].filter(Boolean).length;
  if (ways !== 1) {
    const problem =
      ways === 0 ? 'No dead letters are selected.' : 'Dead letters are selected in more than one way.';
    throw new ImgclsError('usage', problem, { hint: 'Give either message ids, --job JOB or --all.' });
  }
  return ids.length === 0
    ? newestFirst(await readSelected(job, run))
    : await Promise.all([...new Set(ids)].map((id) => find(id, run)));
}

async function find(id: string, { cloud, interrupted }: Run): Promise<KeptDeadLetter> {
  try {
    return await readDeadLetter(cloud.output, id, interrupted);
  } catch (cause) {
    if (!(cause instanceof ObjectMissingError)) throw cause;
    throw new ImgclsError('usage', `There is no dead letter ${id}.`, {
      hint: 'List them with "imgcls dlq list".',
      cause,
    });
  }
}
