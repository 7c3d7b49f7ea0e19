import type { Client } from '../../client/client.ts';
import type { Cloud } from '../../core/cloud/ports.ts';
import { isDropJob } from '../../core/job/job-ids.ts';
import { isFinal } from '../../core/job/job-record.ts';
import { jobPrefix } from '../../core/job/keys.ts';
import { ImgclsError, isUnreadable, JobMissingError } from '../../core/runtime/errors.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { completeJobIds } from '../../results/complete-job-id.ts';
import { deleteJob } from '../../results/delete-job.ts';
import { requireJob } from '../../results/job-facts.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';
import { stateWord } from './job-words.ts';

export interface RemoveOptions {
  force?: boolean;
  dryRun?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls rm`. @returns the exit code. */
export function removeJobs(
  typed: readonly string[],
  { force, dryRun, cluster, dataDir }: RemoveOptions,
): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const ids = await completeJobIds(cloud, typed, interrupted);
    const jobs = await Promise.all(ids.map((id) => findJob(cloud, id, interrupted)));
    for (const [at, id] of ids.entries()) {
      if (jobs[at] === 'unreadable' && force !== true) throw mayBeUnfinished(id);
      if (jobs[at] === 'whole' && !isDropJob(id))
        await cancelIfUnfinished(client, id, { force: force === true, dryRun: dryRun === true, interrupted });
      if (dryRun === true) {
        const { objects, bytes } = await sizeOf(cloud, id, interrupted);
        notice(
          `Would delete job ${id}: ${pluralize(objects, 'object')}, ${byteSize(bytes)}, besides its images.`,
        );
        continue;
      }
      const { objects, bytes } = await deleteJob(cloud, id, interrupted);
      notice(`Deleted job ${id}: ${pluralize(objects, 'object')}, ${byteSize(bytes)}.`);
    }
    return exitCode.done;
  });
}

/**
 * `remains`: its removal was interrupted after the record was deleted. `unreadable`: it has a record that cannot be read.
 * @throws {JobMissingError} when there is no such job.
 */
async function findJob(
  cloud: Cloud,
  id: string,
  signal: AbortSignal,
): Promise<'whole' | 'remains' | 'unreadable'> {
  try {
    await requireJob(cloud, id, signal);
    return 'whole';
  } catch (error) {
    if (isUnreadable(error)) return 'unreadable';
    if (!(error instanceof JobMissingError)) throw error;
    for await (const _remains of cloud.output.list(jobPrefix(id), { signal })) return 'remains';
    throw error;
  }
}

const mayBeUnfinished = (id: string): ImgclsError =>
  new ImgclsError('usage', `Cannot delete job ${id}: its record cannot be read, so it may be unfinished.`, {
    hint: 'Use --force to delete it.',
  });

/** @throws {ImgclsError} for an unfinished job without --force: a command may be waiting for it. */
async function cancelIfUnfinished(
  client: Client,
  id: string,
  { force, dryRun, interrupted }: { force: boolean; dryRun: boolean; interrupted: AbortSignal },
): Promise<void> {
  const job = await client.job(id, { signal: interrupted });
  const record = await job.settled({ signal: interrupted });
  if (isFinal(record)) return;
  if (!force) {
    throw new ImgclsError('usage', `Cannot delete job ${id}: it is ${stateWord({ ...record, done: 0 })}.`, {
      hint: `Use --force to cancel and delete it, or "imgcls cancel ${id}" to keep its outcomes.`,
    });
  }
  if (!dryRun) await job.cancel();
}

/** The objects of a job. */
async function sizeOf(
  { output }: Cloud,
  id: string,
  signal: AbortSignal,
): Promise<{ objects: number; bytes: number }> {
  const found = { objects: 0, bytes: 0 };
  for await (const { bytes } of output.list(jobPrefix(id), { signal })) {
    found.objects++;
    found.bytes += bytes;
  }
  return found;
}
