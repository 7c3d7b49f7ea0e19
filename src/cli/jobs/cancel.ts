import { systemClock } from '../../app/system-clock.ts';
import type { Store } from '../../core/cloud/ports.ts';
import { listShards } from '../../core/job/shard.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { listAttempts } from '../../results/ledger.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';

export interface CancelOptions {
  wait?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** Longer than workers take to notice a cancellation and to finish what they hold. */
const QUIET_MS = 15_000;
const LOOK_MS = 1000;

/** Runs `imgcls cancel`. @returns the exit code. */
export function cancel(ids: readonly string[], { wait, cluster, dataDir }: CancelOptions): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const jobs = await Promise.all(ids.map((id) => client.job(id, { signal: interrupted })));
    for (const job of jobs) {
      const before = await job.record();
      if (before.state === 'finished')
        throw new ImgclsError('usage', `Job ${job.id} is finished: there is nothing left to cancel.`, {
          hint: `"imgcls rm ${job.id}" deletes its results.`,
        });
      await job.cancel();
      notice(`job ${job.id} ${before.state === 'cancelled' ? 'was cancelled before' : 'is cancelled'}.`);
    }
    if (wait === true) for (const { id } of jobs) await quiet(cloud.output, id, interrupted);
    return exitCode.done;
  });
}

/** Resolves when the job's ledger has not grown for a while. */
async function quiet(output: Store, job: string, signal: AbortSignal): Promise<void> {
  let shards = -1;
  let sinceMs = systemClock.monotonicMs();
  while (systemClock.monotonicMs() - sinceMs < QUIET_MS) {
    signal.throwIfAborted();
    const now = await countShards(output, job, signal);
    if (now !== shards) sinceMs = systemClock.monotonicMs();
    shards = now;
    await systemClock.sleep(LOOK_MS, signal);
  }
}

async function countShards(output: Store, job: string, signal: AbortSignal): Promise<number> {
  let shards = 0;
  for (const attempt of await listAttempts(output, job, signal))
    for await (const _range of listShards(output, job, { attempt, signal })) shards++;
  return shards;
}
