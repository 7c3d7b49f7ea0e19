import { requireCategories } from '../../app/select-job-model.ts';
import { systemClock } from '../../app/system-clock.ts';
import type { Cloud } from '../../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type JobRecord } from '../../core/job/job.ts';
import { isDropJob } from '../../core/job/job-ids.ts';
import { isFinal, isInterrupted } from '../../core/job/job-record.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { requireJob } from '../../results/job-facts.ts';
import { readOutcomes } from '../../results/ledger.ts';
import type { Output, OutputFlags } from '../output/output.ts';
import { openOutput } from '../output/output.ts';
import { writeOutcomes } from '../output/write-outcomes.ts';
import { type Run, withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { chosenJob } from './chosen-job.ts';
import {
  costText,
  reportWritten,
  resumeHint,
  stillUploadedText,
  waitAndPrint,
  warnOncePerReason,
} from './wait.ts';

export interface ResultsOptions extends OutputFlags {
  wait?: boolean;
  timeout?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls results`. @returns the exit code. */
export function results(typed: string | undefined, options: ResultsOptions): Promise<number> {
  const { cluster, dataDir } = options;
  return withRun({ cluster, dataDir }, async (run) => {
    const id = await chosenJob(typed, run);
    const print = isDropJob(id) && options.wait !== true ? await dropped(id, run) : await submitted(id, run);
    const output = await openOutput(options.output);
    try {
      return await print(options, output);
    } finally {
      await output.close();
    }
  });
}

/** Prints results. @returns the exit code. */
type Print = (options: ResultsOptions, output: Output) => Promise<number>;

async function submitted(id: string, { client, cloud, settings, interrupted }: Run): Promise<Print> {
  const job = await client.job(id);
  const costUsd = () => readJobCost(cloud.output, id);
  return async (options, output) => {
    const submission = await job.record({ signal: interrupted });
    if (options.level === 'category') await requireCategories(settings, submission.model);
    if (options.wait === true) {
      checkUpload(submission, cloud);
      return await waitAndPrint(job, options, {
        interrupted,
        output,
        onTransient: warnOncePerReason(),
        costUsd,
        clock: systemClock,
      });
    }
    const record = await job.settled();
    const written = await writeOutcomes(job.results(interrupted), options, { output, job: id });
    const { images, failed } = written;
    await output.finish();
    reportWritten(written, id);
    const cost = await costText(costUsd);
    const isRetried = record.attempt > FIRST_ATTEMPT && !isFinal(record);
    if (images !== record.total || isRetried) {
      const known = `${images} of ${record.total ?? 'an unknown number of'} images so far${cost}`;
      notice(`${known}. ${whatNext(record, cloud)}`);
      return exitCode.failed;
    }
    if (cost !== '') notice(`${pluralize(images, 'image')}${cost}, job ${job.id}`);
    return failed.count > 0 ? exitCode.someErrors : exitCode.done;
  };
}

/** A day of dropped images has no total: prints the outcomes so far. */
async function dropped(id: string, { cloud, interrupted }: Run): Promise<Print> {
  await requireJob(cloud, id, interrupted);
  return async (options, output) => {
    const outcomes = readOutcomes(cloud.output, id, { signal: interrupted });
    const written = await writeOutcomes(outcomes, options, { output, job: id });
    const { images, failed } = written;
    await output.finish();
    reportWritten(written, id);
    const cost = await costText(() => readJobCost(cloud.output, id));
    notice(`${pluralize(images, 'dropped image')} so far${cost}, job ${id}`);
    return failed.count > 0 ? exitCode.someErrors : exitCode.done;
  };
}

/** Waiting does not complete an interrupted upload. @throws {ImgclsError} if it was certainly interrupted. */
function checkUpload(record: JobRecord, cloud: Cloud): void {
  const { id, state } = record;
  if (isInterrupted(cloud, record))
    throw new ImgclsError('permanent', `The upload of job ${id} was interrupted, so it cannot finish.`, {
      hint: resumeHint(id),
    });
  if (state === 'open') notice(stillUploadedText(id));
}

function whatNext(record: JobRecord, cloud: Cloud): string {
  const { id, state, attempt } = record;
  if (state === 'cancelled') return 'The job was cancelled.';
  if (isInterrupted(cloud, record)) return `Its upload was interrupted. ${resumeHint(id)}`;
  if (state === 'open') return `If the upload was interrupted, run "imgcls resume ${id}".`;
  const rest = attempt > FIRST_ATTEMPT ? 'the retried images' : 'the rest';
  return `Run "imgcls results ${id} --wait" to wait for ${rest}.`;
}
