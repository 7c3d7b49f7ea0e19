import { systemClock } from '../../app/system-clock.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import type { OutputFlags } from '../terminal/output.ts';
import { checkOutputFlags, openOutput } from '../terminal/output.ts';
import { printJobId, waitAndPrint, warnOncePerReason } from './wait.ts';

export interface RetryFlags extends OutputFlags {
  wait: boolean;
  timeout?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls retry`. @returns the exit code. */
export async function retryCommand(id: string, options: RetryFlags): Promise<number> {
  const { cluster, dataDir } = options;
  checkOutputFlags(options);
  return await withRun({ cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const output = await openOutput(options.output);
    try {
      const onTransient = warnOncePerReason();
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
        stored: () => 0,
        onTransient,
        costUsd,
        clock: systemClock,
      });
    } finally {
      await output.close();
    }
  });
}
