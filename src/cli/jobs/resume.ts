import { systemClock } from '../../app/system-clock.ts';
import type { Store } from '../../core/cloud/ports.ts';
import type { JobRecord } from '../../core/job/job.ts';
import { isFinal, updateJob } from '../../core/job/job-record.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { completeJobId } from '../../results/complete-job-id.ts';
import type { OutputFlags } from '../output/output.ts';
import { checkOutputFlags, openOutput } from '../output/output.ts';
import { withRun } from '../run.ts';
import { noticeInventory } from '../terminal/inventory-notice.ts';
import { collectSkipped } from '../terminal/skipped.ts';
import { printJobId, waitAndPrint, warnOncePerReason } from './wait.ts';

export interface ResumeFlags extends OutputFlags {
  wait: boolean;
  timeout?: number;
  concurrency?: number;
  /** In US dollars. */
  maxCost?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls resume`. @returns the exit code. */
export async function resume(typed: string, options: ResumeFlags): Promise<number> {
  const { concurrency, cluster, dataDir } = options;
  checkOutputFlags(options);
  return await withRun({ concurrency, cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const output = await openOutput(options.output);
    try {
      const onTransient = warnOncePerReason();
      const id = await completeJobId(cloud, typed, interrupted);
      const waiting = { onTransient, signal: interrupted };
      const record = await (await client.job(id, waiting)).record(waiting);
      if (record.state === 'open') goToFolderOf(record);
      if (options.maxCost !== undefined) await changeMaxCost(cloud.output, record, options.maxCost);
      const skipped = collectSkipped();
      let imagesStored = 0;
      const job = await client.resume(id, {
        wait: options.wait,
        ...waiting,
        onSkip: skipped.add,
        onInventory: noticeInventory,
        onSubmitProgress: (progress) => {
          imagesStored = progress.stored;
        },
      });
      job.submitted.then(skipped.report, () => {});
      if (!options.wait) return await printJobId(job, { interrupted, cloud, clock: systemClock });
      const costUsd = () => readJobCost(cloud.output, id);
      const stored = () => imagesStored;
      return await waitAndPrint(job, options, {
        interrupted,
        output,
        stored,
        onTransient,
        costUsd,
        clock: systemClock,
      });
    } finally {
      await output.close();
    }
  });
}

/** Only of a job that has one: a controller reads the records of other jobs once. */
async function changeMaxCost(
  output: Store,
  { id, maxCostUsd: before }: JobRecord,
  maxCostUsd: number,
): Promise<void> {
  if (before === undefined)
    throw new ImgclsError('usage', `Job ${id} has no --max-cost, so it cannot be changed.`, {
      hint: `Run "imgcls resume ${id}" without --max-cost.`,
    });
  await updateJob(output, id, (record) => (isFinal(record) ? undefined : { ...record, maxCostUsd }));
}

/** Paths of the job are relative to this folder. */
function goToFolderOf({ id, folder }: JobRecord): void {
  if (folder === undefined) return;
  try {
    process.chdir(folder);
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot find the files of job ${id}: ${messageOf(cause)}.`, {
      hint: `Run it on the machine that submitted the job. Its paths are relative to ${folder}.`,
      cause,
    });
  }
}
