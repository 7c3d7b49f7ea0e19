import { systemClock } from '../../app/system-clock.ts';
import type { Cloud, ListedObject, Store } from '../../core/cloud/ports.ts';
import { DAY_MS } from '../../core/job/retention.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { type ExpiryOptions, oldImages, oldJobs, oldLetters } from '../../results/expire.ts';
import { removeJob } from '../../results/remove-job.ts';
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

/** How garbage is taken away; a dry run only looks at it. */
interface Broom {
  job(id: string): Promise<void>;
  objects(store: Store, keys: readonly string[]): Promise<void>;
  queue(name: string): Promise<void>;
}

/** Objects deleted together. */
const PAGE = 1000;

/** Runs `imgcls gc`. @returns the exit code. */
export function collectGarbage({ olderThan, dryRun, cluster, dataDir }: CollectOptions): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ cloud, interrupted: signal }) => {
    const options = { nowMs: systemClock.nowMs(), maxAgeMs: olderThan * DAY_MS, signal };
    const { broom, done } =
      dryRun === true
        ? { broom: lookOnly, done: 'would be deleted' }
        : { broom: sweeping(cloud, signal), done: 'deleted' };
    await jobs(cloud, options, broom, done);
    await objects(`dead letters ${done}`, cloud.output, oldLetters(cloud.output, options), broom);
    let queues = 0;
    for await (const name of orphanedQueues(cloud, options.nowMs)) {
      queues++;
      await broom.queue(name);
    }
    notice(`response queues ${done}: ${queues}.`);
    if (cloud.kind === 'local')
      await objects(`images ${done}`, cloud.input, oldImages(cloud, options), broom);
    return exitCode.done;
  });
}

const lookOnly: Broom = { job: async () => {}, objects: async () => {}, queue: async () => {} };

const sweeping = ({ output, queues }: Cloud, signal: AbortSignal): Broom => ({
  job: async (id) => void (await removeJob(output, id, signal)),
  objects: (store, keys) => store.delete(keys, signal),
  queue: (name) => queues.remove(name),
});

async function jobs({ output }: Cloud, options: ExpiryOptions, broom: Broom, done: string): Promise<void> {
  let count = 0;
  for await (const { id, kind } of oldJobs(output, options)) {
    if (kind === 'unfinished') {
      notice(`job ${id} is old and not finished: "imgcls resume ${id}" or "imgcls cancel ${id}".`);
      continue;
    }
    count++;
    await broom.job(id);
  }
  notice(`jobs ${done}: ${count}.`);
}

async function objects(
  what: string,
  store: Store,
  found: AsyncIterable<ListedObject>,
  broom: Broom,
): Promise<void> {
  let count = 0;
  let size = 0;
  let page: string[] = [];
  for await (const { key, bytes } of found) {
    count++;
    size += bytes;
    page.push(key);
    if (page.length < PAGE) continue;
    await broom.objects(store, page);
    page = [];
  }
  await broom.objects(store, page);
  notice(`${what}: ${count}, ${byteSize(size)}.`);
}
