import { ImgclsError } from '../core/errors.ts';
import { isFinal } from '../core/job-record.ts';
import { removeJob } from '../results/remove-job.ts';
import { byteSize } from './byte-size.ts';
import { exitCode } from './report.ts';
import { notice, withRun } from './run.ts';

export interface RemoveOptions {
  force?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls rm`. @returns the exit code. */
export function remove(ids: readonly string[], { force, cluster, dataDir }: RemoveOptions): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const jobs = await Promise.all(ids.map((id) => client.job(id, { signal: interrupted })));
    for (const job of jobs) {
      const record = await job.record();
      if (!isFinal(record) && force !== true) {
        throw new ImgclsError('usage', `Job ${job.id} is ${record.state}: somebody may wait for it.`, {
          hint: `--force cancels and deletes it; "imgcls cancel ${job.id}" keeps what is done.`,
        });
      }
      if (!isFinal(record)) await job.cancel();
      const { objects, bytes } = await removeJob(cloud.output, job.id, interrupted);
      notice(`job ${job.id} is deleted: ${objects} objects, ${byteSize(bytes)}.`);
    }
    return exitCode.done;
  });
}
