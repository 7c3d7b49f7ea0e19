import { systemClock } from '../../app/system-clock.ts';
import type { Cloud, ListedObject, Store } from '../../core/cloud/ports.ts';
import { DAY_MS } from '../../core/job/retention.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { deleteJob } from '../../results/delete-job.ts';
import { type ExpiryOptions, oldDeadLetters, oldImages, oldJobs } from '../../results/expire.ts';
import { orphanedQueues } from '../../results/sweep.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice } from '../terminal/notice.ts';

export interface CollectOptions {
  olderThan: number;
  dryRun?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** How much was deleted, or would be. */
interface Garbage {
  count: number;
  bytes: number;
}

/** Deletes garbage; in a dry run it deletes nothing. */
interface Deleter {
  /** @returns the bytes of the job's objects; 0 in a dry run, which does not count them. */
  job(id: string): Promise<number>;
  objects(store: Store, keys: readonly string[]): Promise<void>;
  queue(name: string): Promise<void>;
}

/** Objects deleted at once. */
const PAGE = 1000;

/** Runs `imgcls gc`. @returns the exit code. */
export function collectGarbage({ olderThan, dryRun, cluster, dataDir }: CollectOptions): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ cloud, interrupted: signal }) => {
    const options = { nowMs: systemClock.nowMs(), maxAgeMs: olderThan * DAY_MS, signal };
    const deleter = dryRun === true ? dryDeleter : deleterOf(cloud, signal);
    const jobs = await collectJobs(cloud, options, deleter);
    const deadLetters = await collectObjects(cloud.output, oldDeadLetters(cloud.output, options), deleter);
    const queues = await collectQueues(cloud, options, deleter);
    const images =
      cloud.kind === 'local'
        ? await collectObjects(cloud.input, oldImages(cloud, options), deleter)
        : undefined;
    notice(garbageText({ jobs, deadLetters, queues, images }, { dryRun: dryRun === true }));
    return exitCode.done;
  });
}

interface Collected {
  jobs: Garbage;
  deadLetters: Garbage;
  queues: Garbage;
  /** Undefined on AWS, where a lifecycle rule deletes images. */
  images: Garbage | undefined;
}

/** `Deleted 45 jobs, 0 dead letters, 1 response queue and 120 images; freed 303 MB.` */
export function garbageText(
  { jobs, deadLetters, queues, images }: Collected,
  { dryRun }: { dryRun: boolean },
): string {
  const parts = [
    pluralize(jobs.count, 'job'),
    pluralize(deadLetters.count, 'dead letter'),
    pluralize(queues.count, 'response queue'),
    ...(images === undefined ? [] : [pluralize(images.count, 'image')]),
  ];
  const list = `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
  const size = byteSize(jobs.bytes + deadLetters.bytes + (images?.bytes ?? 0));
  return dryRun
    ? `Would delete ${list}; would free ${size}, besides the results of the jobs.`
    : `Deleted ${list}; freed ${size}.`;
}

const dryDeleter: Deleter = { job: async () => 0, objects: async () => {}, queue: async () => {} };

const deleterOf = (cloud: Cloud, signal: AbortSignal): Deleter => ({
  job: async (id) => (await deleteJob(cloud, id, signal)).bytes,
  objects: (store, keys) => store.delete(keys, signal),
  queue: (name) => cloud.queues.remove(name),
});

async function collectJobs({ output }: Cloud, options: ExpiryOptions, deleter: Deleter): Promise<Garbage> {
  const jobs: Garbage = { count: 0, bytes: 0 };
  for await (const { id, kind } of oldJobs(output, options)) {
    if (kind === 'unfinished') {
      notice(`Kept job ${id}: it is old but unfinished. Run "imgcls resume ${id}" or "imgcls cancel ${id}".`);
      continue;
    }
    if (kind === 'unreadable') {
      notice(`Kept job ${id}: its record cannot be read. Run "imgcls rm --force ${id}" to delete it.`);
      continue;
    }
    jobs.count++;
    jobs.bytes += await deleter.job(id);
  }
  return jobs;
}

async function collectQueues(cloud: Cloud, { nowMs }: ExpiryOptions, deleter: Deleter): Promise<Garbage> {
  const queues: Garbage = { count: 0, bytes: 0 };
  for await (const name of orphanedQueues(cloud, nowMs)) {
    queues.count++;
    await deleter.queue(name);
  }
  return queues;
}

async function collectObjects(
  store: Store,
  found: AsyncIterable<ListedObject>,
  deleter: Deleter,
): Promise<Garbage> {
  const objects: Garbage = { count: 0, bytes: 0 };
  let page: string[] = [];
  for await (const { key, bytes } of found) {
    objects.count++;
    objects.bytes += bytes;
    page.push(key);
    if (page.length < PAGE) continue;
    await deleter.objects(store, page);
    page = [];
  }
  await deleter.objects(store, page);
  return objects;
}
