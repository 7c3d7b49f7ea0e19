import type { Job } from '../../client/job.ts';
import type { Cloud } from '../../core/cloud/ports.ts';
import { attemptTotal, type JobRecord } from '../../core/job/job.ts';
import { dollars } from '../../core/money/money.ts';
import { isWebAddress } from '../../core/network/web-address.ts';
import type { Clock } from '../../core/runtime/clock.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { duration } from '../../core/text/duration.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { guessesText } from '../../core/text/warning-text.ts';
import { parseS3Address } from '../../upload/select.ts';
import { type Output, type OutputFlags, openOutput } from '../output/output.ts';
import { type Written, writeOutcomes } from '../output/write-outcomes.ts';
import { exitCode, InterruptedError, isClosedPipe, printError } from '../terminal/exit.ts';
import { notice, warn } from '../terminal/notice.ts';
import { measured, startProgress } from '../terminal/progress.ts';
import { hasNoWorkers } from './has-no-workers.ts';

export interface WaitOptions {
  interrupted: AbortSignal;
  output: Output;
  /** Images stored so far, if this command reads the inputs of the job. */
  stored?(): number;
  /** How many of them this command knew the outcomes of. Absent: none. */
  known?(): number;
  /** Reports transient errors, which are retried. */
  onTransient(error: unknown): void;
  /** What the job has cost so far, in US dollars; undefined where that is not known. */
  costUsd(): Promise<number | undefined>;
  clock: Clock;
}

/** Waits for a job, shows its progress on stderr, and writes its outcomes. @returns the exit code. */
export async function waitAndPrint(
  job: Job,
  flags: OutputFlags & { timeout?: number },
  { interrupted, output, stored, known = () => 0, onTransient, costUsd, clock }: WaitOptions,
): Promise<number> {
  const startMs = clock.monotonicMs();
  const timedOut = flags.timeout === undefined ? [] : [AbortSignal.timeout(flags.timeout)];
  const signal = AbortSignal.any([interrupted, ...timedOut]);
  const progress = await startProgress(() => clock.monotonicMs());
  let seen = { done: 0, before: 0, total: undefined as number | undefined };
  try {
    const outcomes = job.outcomes({
      signal,
      onProgress(numbers) {
        // Known images take no time. Some of them may be done before the wait begins.
        const before = Math.min(numbers.done, Math.max(numbers.before, known()));
        seen = { ...numbers, before };
        progress.show({ ...numbers, before, stored: stored?.() });
      },
      onTransient,
    });
    const written = await writeOutcomes(outcomes, flags, { output, job: job.id });
    progress.stop();
    const errors = written.failed.count;
    const took = tookText(seen.done - seen.before, clock.monotonicMs() - startMs);
    const knownText = known() === 0 ? '' : ` (${known()} known already)`;
    const counts = `${pluralize(written.images, 'image')}${knownText}, ${pluralize(errors, 'error')}`;
    notice(`${counts}${took}${await costText(costUsd)}, job ${job.id}`);
    reportWritten(written, job.id);
    if ((await job.record({ signal, onTransient })).state === 'cancelled') {
      throw new ImgclsError('permanent', `Job ${job.id} was cancelled. Its outcomes so far were written.`);
    }
    await output.finish();
    return errors > 0 ? exitCode.someErrors : exitCode.done;
  } catch (error) {
    progress.stop();
    const advice = await continueHint(job);
    if (interrupted.aborted) throw new InterruptedError(advice);
    if (signal.aborted)
      throw new ImgclsError('transient', timedOutText(flags.timeout ?? 0, seen), {
        hint: advice,
        cause: error,
      });
    if (isClosedPipe(error)) notice(advice);
    throw withAdvice(error, advice);
  }
}

/** How to continue an interrupted upload. */
export const resumeHint = (id: string): string =>
  `Run "imgcls resume ${id}" to continue. It submits only the missing images.`;

/** About a job whose submitter may run. */
export const stillUploadedText = (id: string): string =>
  `Job ${id} is still being uploaded. If the upload was interrupted, run "imgcls resume ${id}".`;

/** `--no-wait`: prints the job id when all images are submitted. @returns the exit code. */
export async function printJobId(
  job: Job,
  { interrupted, cloud, clock }: Pick<WaitOptions, 'interrupted' | 'clock'> & { cloud: Cloud },
): Promise<number> {
  try {
    const submission = await job.submitted;
    // Without a worker it can be finished if all images are known.
    const record = cloud.known === undefined ? submission : await job.settled();
    const submitted = `${pluralize(attemptTotal(record) ?? 0, 'image')} submitted.`;
    const output = await openOutput(undefined);
    await output.write(`${job.id}\n`);
    await output.finish();
    const wait = `"imgcls results ${job.id} --wait"`;
    if (record.state === 'finished') {
      notice(`${submitted} All have an outcome. Run "imgcls results ${job.id}" to print them.`);
      return exitCode.done;
    }
    notice(
      record.state === 'sealed' && (await hasNoWorkers(cloud, clock))
        ? `${submitted} No worker is running. Run ${wait}, "imgcls scale" or "imgcls up" to start workers.`
        : `${submitted} Run ${wait} to wait for the outcomes.`,
    );
    if (readsFilesInPlace(record))
      notice(
        'Keep the files until the job is done: they are read where they are. "label --copy" stores copies.',
      );
    return exitCode.done;
  } catch (error) {
    const advice = await continueHint(job);
    throw interrupted.aborted ? new InterruptedError(advice) : withAdvice(error, advice);
  }
}

const readsFilesInPlace = ({ localFiles, inputs }: JobRecord): boolean =>
  localFiles === 'in-place' &&
  inputs.some((input) => parseS3Address(input) === undefined && !isWebAddress(input));

/** `, $0.0123`; '' if the cost is unknown, zero, or cannot be read: the results do not depend on it. */
export async function costText(costUsd: WaitOptions['costUsd']): Promise<string> {
  const usd = await costUsd().catch(() => undefined);
  return usd === undefined || usd === 0 ? '' : `, ${dollars(usd)}`;
}

/** `Timed out after 60 s: 12 of 40 images are done.` */
export const timedOutText = (
  timeoutMs: number,
  { done, total }: { done: number; total: number | undefined },
): string =>
  `Timed out after ${duration(timeoutMs)}: ${total === undefined ? done : `${done} of ${total}`} images are done.`;

/** ` in 9.0 s (1.2 images/s)`; '' if no image was classified meanwhile: the time is that of reading results. */
export function tookText(classified: number, tookMs: number): string {
  if (classified === 0) return '';
  return ` in ${measured(tookMs)} (${((1000 * classified) / tookMs).toFixed(1)} images/s)`;
}

/** What to know about the results: where they are in full, which labels are worth little and why, and what failed. */
export function reportWritten(written: Written, job: string): void {
  const { failed, isSummary, onlyErrors } = written;
  if (isSummary)
    notice(
      `Run "imgcls results ${job} --output labels.csv" for the label of each image, or with --format table.`,
    );
  if (!onlyErrors) for (const text of warningTexts(written)) warn(text);
  if (onlyErrors && failed.count === 0) notice('No image has an error.');
  if (failed.count === 0) return;
  const { message, hint } = failed.report(job);
  if (onlyErrors) notice(hint);
  else printError(new ImgclsError('permanent', message, { hint }));
}

function warningTexts({ warnings, unsure, unsureBelow, withoutCategory }: Written): string[] {
  return [
    ...warnings.texts(),
    ...(unsure === 0 ? [] : [guessesText(unsure, unsureBelow)]),
    ...(withoutCategory === 0
      ? []
      : [
          `${pluralize(withoutCategory, 'image')} without a category: the model has none, or an earlier version of imgcls labelled them. For the latter, run "imgcls label --fresh".`,
        ]),
  ];
}

/** Warns of transient errors that are retried: once for each reason, whichever object it concerns. */
export function warnOncePerReason(): (error: unknown) => void {
  const known = new Set<string>();
  return (error) => {
    const message = messageOf(error);
    // "Could not store s3://bucket/key: the reason."
    const reason = message.replace(/^.*: /s, '');
    if (!known.has(reason)) warn(`${message} Retrying.`);
    known.add(reason);
  };
}

/** An interrupted command should end soon. Without the job's record, the hint is only more general. */
const RECORD_TIMEOUT_MS = 2000;

/** How to continue with a job after its wait ended. */
export async function continueHint(job: Job): Promise<string> {
  const signal = AbortSignal.timeout(RECORD_TIMEOUT_MS);
  const record = await job.record({ signal }).catch(() => undefined);
  const state = (await job.settled({ signal }).catch(() => record))?.state;
  if (state === 'finished' || state === 'cancelled')
    return `Run "imgcls results ${job.id}" to print the outcomes.`;
  return state === 'sealed' ? `Run "imgcls results ${job.id} --wait" to continue.` : resumeHint(job.id);
}

/** The error that ended a wait, with advice about the job added to its hint. */
export function withAdvice(error: unknown, advice: string): unknown {
  if (isClosedPipe(error)) return error;
  if (!(error instanceof ImgclsError))
    return new ImgclsError('permanent', messageOf(error), { hint: advice, cause: error });
  const hint = error.hint === undefined ? advice : `${error.hint}\n${advice}`;
  return new ImgclsError(error.kind, error.message, { hint, cause: error });
}
