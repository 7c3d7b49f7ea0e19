import { systemClock } from '../../app/system-clock.ts';
import type { Store } from '../../core/cloud/ports.ts';
import { listShards } from '../../core/job/shard.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { completeJobIds } from '../../results/complete-job-id.ts';
import { listAttempts } from '../../results/ledger.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';

export interface CancelOptions {
  wait?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** Longer than workers take to notice a cancellation and to finish the batches that they hold. */
const QUIET_MS = 15_000;
const LOOK_MS = 1000;

/** Runs `imgcls cancel`. @returns the exit code. */
export function cancel(typed: readonly string[], { wait, cluster, dataDir }: CancelOptions): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const ids = await completeJobIds(cloud, typed, interrupted);
    const jobs = await Promise.all(ids.map((id) => client.job(id, { signal: interrupted })));
    for (const job of jobs) {
      const before = await job.record();
      if (before.state === 'finished')
        throw new ImgclsError('usage', `Cannot cancel job ${job.id}: it is finished.`, {
          hint: `Delete its results with "imgcls rm ${job.id}".`,
        });
      await job.cancel();
      notice(
        before.state === 'cancelled' ? `Job ${job.id} was already cancelled.` : `Cancelled job ${job.id}.`,
      );
    }
    if (wait === true) for (const { id } of jobs) await untilQuiet(cloud.output, id, interrupted);
    return exitCode.done;
  });
}

/** Resolves when the ledger of the job has not grown for {@link QUIET_MS}. */
async function untilQuiet(output: Store, job: string, signal: AbortSignal): Promise<void> {
  let shards = -1;
  let sinceMs = systemClock.monotonicMs();
  while (systemClock.monotonicMs() - sinceMs < QUIET_MS) {
    signal.throwIfAborted();
    const found = await countShards(output, job, signal);
    if (found !== shards) sinceMs = systemClock.monotonicMs();
    shards = found;
    await systemClock.sleep(LOOK_MS, signal);
  }
}

async function countShards(output: Store, job: string, signal: AbortSignal): Promise<number> {
  let shards = 0;
  for (const attempt of await listAttempts(output, job, signal))
    for await (const _range of listShards(output, job, { attempt, signal })) shards++;
  return shards;
}
