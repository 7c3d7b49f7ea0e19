import { systemClock } from '../../app/system-clock.ts';
import type { JobRecord } from '../../core/job/job.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import { ImgclsError, messageOf } from '../../core/runtime/errors.ts';
import { withRun } from '../run.ts';
import type { OutputFlags } from '../terminal/output.ts';
import { checkOutputFlags, openOutput } from '../terminal/output.ts';
import { skippedFiles } from '../terminal/skipped.ts';
import { faultTeller, leaveBehind, waitAndPrint } from './wait.ts';

export interface ResumeFlags extends OutputFlags {
  wait: boolean;
  timeout?: number;
  concurrency?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls resume`. @returns the exit code. */
export async function resume(id: string, options: ResumeFlags): Promise<number> {
  const { concurrency, cluster, dataDir } = options;
  checkOutputFlags(options);
  return await withRun({ concurrency, cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const output = await openOutput(options.output);
    try {
      const tellOnce = faultTeller();
      const waiting = { onTransient: tellOnce, signal: interrupted };
      const record = await (await client.job(id, waiting)).record(waiting);
      if (record.state === 'open') goToFolderOf(record);
      const skipped = skippedFiles();
      let imagesStored = 0;
      const job = await client.resume(id, {
        wait: options.wait,
        ...waiting,
        onSkip: skipped.add,
        onSubmitProgress: (progress) => {
          imagesStored = progress.stored;
        },
      });
      job.submitted.then(skipped.tell, () => {});
      if (!options.wait) return await leaveBehind(job, { interrupted, cloud, clock: systemClock });
      const costUsd = () => readJobCost(cloud.output, id);
      const stored = () => imagesStored;
      return await waitAndPrint(job, options, {
        interrupted,
        output,
        stored,
        tellOnce,
        costUsd,
        clock: systemClock,
      });
    } finally {
      await output.close();
    }
  });
}

/** Inputs were given from there. */
function goToFolderOf({ id, folder }: JobRecord): void {
  if (folder === undefined) return;
  try {
    process.chdir(folder);
  } catch (cause) {
    throw new ImgclsError('usage', `The files of job ${id} are not here: ${messageOf(cause)}.`, {
      hint: `They were named from the folder ${folder} of the machine that submitted them.`,
      cause,
    });
  }
}
