import type { Job } from '../../client/submission.ts';
import type { Cloud } from '../../core/cloud/ports.ts';
import { attemptTotal } from '../../core/job/job.ts';
import { dollars } from '../../core/money/money.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { exitCode, InterruptedError, isClosedPipe } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import type { Output, OutputFlags } from '../terminal/output.ts';
import { openOutput, outputFormatOf, type Written, writeOutcomes } from '../terminal/output.ts';
import { measured, startProgress } from '../terminal/progress.ts';
import { hasNoWorkers } from './has-no-workers.ts';

export interface WaitOptions {
  interrupted: AbortSignal;
  output: Output;
  /** Images stored so far, while the job's inputs are still read. */
  stored(): number;
  /** Says what is wrong with the world while it is waited out. */
  tellOnce(error: unknown): void;
  /** What the job has cost so far, in US dollars; undefined where that is not known. */
  costUsd(): Promise<number | undefined>;
  clock: Clock;
}

/** Follows a job to its end, with progress on stderr and results where they were asked for. @returns the exit code. */
export async function waitAndPrint(
  job: Job,
  flags: OutputFlags & { timeout?: number },
  { interrupted, output, stored, tellOnce, costUsd, clock }: WaitOptions,
): Promise<number> {
  const startMs = clock.monotonicMs();
  const timedOut = flags.timeout === undefined ? [] : [AbortSignal.timeout(flags.timeout)];
  const signal = AbortSignal.any([interrupted, ...timedOut]);
  const progress = await startProgress(() => clock.monotonicMs());
  let classified = 0;
  try {
    const outcomes = job.outcomes({
      signal,
      onProgress(numbers) {
        classified = numbers.done - numbers.before;
        progress.show({ ...numbers, stored: stored() });
      },
      onTransient: tellOnce,
    });
    const written = await writeOutcomes(outcomes, flags, output);
    progress.stop();
    const { errors } = written;
    const took = tookText(classified, clock.monotonicMs() - startMs);
    const counts = `${pluralize(written.images, 'image')}, ${pluralize(errors, 'error')}`;
    notice(`${counts}${took}${await costText(costUsd)}, job ${job.id}`);
    warnOfSmall(written);
    if (errors > 0 && outputFormatOf(flags) === undefined) {
      notice(`"imgcls results ${job.id} --format ndjson" says what is wrong with each.`);
    }
    if ((await job.record({ signal, onTransient: tellOnce })).state === 'cancelled') {
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
    const advice = await howToGoOn(job);
    if (isClosedPipe(error)) notice(advice);
    throw withAdvice(error, advice);
  }
}

/** `--no-wait`: the job's id is the result. @returns the exit code. */
export async function leaveBehind(
  job: Job,
  { interrupted, cloud, clock }: Pick<WaitOptions, 'interrupted' | 'clock'> & { cloud: Cloud },
): Promise<number> {
  try {
    const record = await job.submitted;
    const announced = `${pluralize(attemptTotal(record) ?? 0, 'image')} announced`;
    const output = await openOutput(undefined);
    await output.write(`${job.id}\n`);
    await output.finish();
    const waits = `"imgcls results ${job.id} --wait"`;
    notice(
      record.state === 'sealed' && (await hasNoWorkers(cloud, clock))
        ? `${announced}. Nothing works on the job until ${waits}, "imgcls scale" or "imgcls up" runs.`
        : `${announced}; ${waits} waits for the outcomes.`,
    );
    return exitCode.done;
  } catch (error) {
    const advice = await howToGoOn(job);
    throw interrupted.aborted ? new InterruptedError(advice) : withAdvice(error, advice);
  }
}

/** `, $0.0123`; nothing where the cost is unknown or none. That it cannot be read now takes nothing from the results. */
export async function costText(costUsd: WaitOptions['costUsd']): Promise<string> {
  const usd = await costUsd().catch(() => undefined);
  return usd === undefined || usd === 0 ? '' : `, ${dollars(usd)}`;
}

/** ` in 9.0 s (1.2 images/s)`; nothing where no image was classified meanwhile, and the time was that of reading. */
export function tookText(classified: number, tookMs: number): string {
  if (classified === 0) return '';
  return ` in ${measured(tookMs)} (${((1000 * classified) / tookMs).toFixed(1)} images/s)`;
}

/** Formats for people do not mark the single image. */
export function warnOfSmall({ lowResolution }: Written): void {
  if (lowResolution > 0) notice(smallText(lowResolution));
}

export const smallText = (images: number): string =>
  images === 1
    ? '1 image has fewer than 96 pixels on its shorter side: its label is little more than a guess.'
    : `${images} images have fewer than 96 pixels on their shorter side: their labels are little more than guesses.`;

/** Says each fault of the world once, however long it is waited out and whatever it is that meets it. */
export function faultTeller(): (error: unknown) => void {
  const told = new Set<string>();
  return (error) => {
    const fault = messageOf(error);
    // "Could not store s3://bucket/key: the reason."
    const reason = fault.replace(/^.*: /s, '');
    if (!told.has(reason)) notice(`${fault} Trying again.`);
    told.add(reason);
  };
}

/** Who interrupts wants to go; that the record cannot be read only makes the advice more general. */
const ADVICE_MS = 2000;

/** What whoever stops waiting should know, as far as the job's record can be read. */
export async function howToGoOn(job: Job): Promise<string> {
  const signal = AbortSignal.timeout(ADVICE_MS);
  const record = await job.record({ signal }).catch(() => undefined);
  const state = (await job.settled({ signal }).catch(() => record))?.state;
  if (state === 'finished' || state === 'cancelled') return `"imgcls results ${job.id}" has what there is.`;
  return state === 'sealed'
    ? `"imgcls results ${job.id} --wait" goes on with the job.`
    : `"imgcls resume ${job.id}" goes on with the job; nothing that is stored is sent again.`;
}

/** An error that ended a wait, with what its reader can do about the job besides. */
export function withAdvice(error: unknown, advice: string): unknown {
  if (!(error instanceof ImgclsError)) return error;
  const hint = error.hint === undefined ? advice : `${error.hint}\n${advice}`;
  return new ImgclsError(error.kind, error.message, { hint, cause: error });
}
