import { systemClock } from '../../app/system-clock.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import { completeJobId } from '../../results/complete-job-id.ts';
import type { OutputFlags } from '../output/output.ts';
import { checkOutputFlags, openOutput } from '../output/output.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { printJobId, waitAndPrint, warnOncePerReason } from './wait.ts';

export interface RetryFlags extends OutputFlags {
  wait: boolean;
  timeout?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls retry`. @returns the exit code. */
export async function retryCommand(typed: string, options: RetryFlags): Promise<number> {
  const { cluster, dataDir } = options;
  checkOutputFlags(options);
  return await withRun({ cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const output = await openOutput(options.output);
    try {
      const onTransient = warnOncePerReason();
      const id = await completeJobId(cloud, typed, interrupted);
      const waiting = { onTransient, signal: interrupted };
      const job = await client.retry(id, { wait: options.wait, ...waiting });
      if (job === undefined) {
        notice(`Job ${id} has no failed images.`);
        return exitCode.done;
      }
      if (!options.wait) return await printJobId(job, { interrupted, cloud, clock: systemClock });
      const costUsd = () => readJobCost(cloud.output, id);
      return await waitAndPrint(job, options, {
        interrupted,
        output,
        onTransient,
        costUsd,
        clock: systemClock,
      });
    } finally {
      await output.close();
    }
  });
}
