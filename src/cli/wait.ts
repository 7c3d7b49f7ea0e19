import type { Job } from '../client/client.ts';
import type { Clock } from '../core/clock.ts';
import { ImgclsError, messageOf } from '../core/errors.ts';
import { dollars } from '../core/money.ts';
import type { Output, OutputFlags } from './output.ts';
import { writeOutcomes } from './output.ts';
import { duration, startProgress } from './progress.ts';
import { exitCode, InterruptedError, isClosedPipe } from './report.ts';
import { notice } from './run.ts';

export interface Waiting {
  interrupted: AbortSignal;
  output: Output;
  /** Images stored so far, while the job's inputs are still read. */
  stored(): number;
  /** What the job has cost so far, in US dollars; undefined where that is not known. */
  costUsd(): Promise<number | undefined>;
  clock: Clock;
}

/** Follows a job to its end, with progress on stderr and results where they were asked for. @returns the exit code. */
export async function waitAndPrint(
  job: Job,
  flags: OutputFlags & { timeout?: number },
  { interrupted, output, stored, costUsd, clock }: Waiting,
): Promise<number> {
  const startMs = clock.monotonicMs();
  const timedOut = flags.timeout === undefined ? [] : [AbortSignal.timeout(flags.timeout)];
  const signal = AbortSignal.any([interrupted, ...timedOut]);
  const progress = await startProgress(() => clock.monotonicMs());
  const faults = new Set<string>();
  try {
    const outcomes = job.outcomes({
      signal,
      onProgress: (numbers) => progress.show({ ...numbers, stored: stored() }),
      onTransient(error) {
        const fault = messageOf(error);
        if (!faults.has(fault)) notice(`${fault} Trying again.`);
        faults.add(fault);
      },
    });
    const { images, errors } = await writeOutcomes(outcomes, flags, output);
    progress.stop();
    const tookMs = clock.monotonicMs() - startMs;
    const rate = ((1000 * images) / tookMs).toFixed(1);
    notice(
      `${counted(images, 'image')}, ${counted(errors, 'error')} in ${duration(tookMs)} (${rate} images/s)${await costText(costUsd)}, job ${job.id}`,
    );
    if (errors > 0 && flags.format === undefined) {
      notice(`"imgcls results ${job.id} --format ndjson" says what is wrong with each.`);
    }
    if ((await job.record()).state === 'cancelled') {
      throw new ImgclsError('permanent', `Job ${job.id} was cancelled; these are the outcomes that it had.`);
    }
    await output.finish();
    return errors > 0 ? exitCode.someErrors : exitCode.done;
  } catch (error) {
    progress.stop();
    if (interrupted.aborted) throw new InterruptedError(await howToGoOn(job));
    if (signal.aborted) {
      throw new ImgclsError('transient', 'The time is up.', { hint: await howToGoOn(job), cause: error });
    }
    if (isClosedPipe(error)) notice(await howToGoOn(job));
    throw error;
  }
}

/** `, $0.0123`; nothing where the cost is unknown or none. That it cannot be read now takes nothing from the results. */
export async function costText(costUsd: Waiting['costUsd']): Promise<string> {
  const usd = await costUsd().catch(() => undefined);
  return usd === undefined || usd === 0 ? '' : `, ${dollars(usd)}`;
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

/** What whoever stops waiting should know. */
export async function howToGoOn(job: Job): Promise<string> {
  const { state } = await job.record();
  return state === 'open'
    ? `Job ${job.id} was cut short while its images were stored; start it again, and those that are stored are not sent twice.`
    : `"imgcls results ${job.id} --wait" goes on with the job.`;
}
