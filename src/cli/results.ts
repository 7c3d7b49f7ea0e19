import { FIRST_ATTEMPT, type JobRecord } from '../core/job.ts';
import { readJobCost } from '../core/job-cost.ts';
import { isFinal } from '../core/job-record.ts';
import { systemClock } from './clock.ts';
import type { OutputFlags } from './output.ts';
import { openOutput, writeOutcomes } from './output.ts';
import { exitCode } from './report.ts';
import { notice, withRun } from './run.ts';
import { costText, faultTeller, waitAndPrint } from './wait.ts';

export interface ResultsOptions extends OutputFlags {
  wait?: boolean;
  timeout?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls results`. @returns the exit code. */
export function results(id: string, options: ResultsOptions): Promise<number> {
  const { cluster, dataDir } = options;
  return withRun({ cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const job = await client.job(id);
    const costUsd = () => readJobCost(cloud.output, id);
    const output = await openOutput(options.output);
    try {
      if (options.wait === true) {
        return await waitAndPrint(job, options, {
          interrupted,
          output,
          stored: () => 0,
          tellOnce: faultTeller(),
          costUsd,
          clock: systemClock,
        });
      }
      const record = await job.record();
      const { images, errors } = await writeOutcomes(job.results(interrupted), options, output);
      await output.finish();
      const cost = await costText(costUsd);
      const isTriedAgain = record.attempt > FIRST_ATTEMPT && !isFinal(record);
      if (images !== record.total || isTriedAgain) {
        const known = `${images} of ${record.total ?? 'an unknown number of'} images so far${cost}`;
        notice(`${known}; ${whatNext(record)}`);
        return exitCode.failed;
      }
      if (cost !== '') notice(`${images} images${cost}, job ${job.id}`);
      return errors > 0 ? exitCode.someErrors : exitCode.done;
    } finally {
      await output.close();
    }
  });
}

function whatNext({ id, state, attempt }: JobRecord): string {
  if (state === 'cancelled') return 'the job was cancelled.';
  if (state === 'open') return `"imgcls resume ${id}" goes on with the upload if nobody does.`;
  const what = attempt > FIRST_ATTEMPT ? 'those that are tried again' : 'the rest';
  return `"imgcls results ${id} --wait" waits for ${what}.`;
}
