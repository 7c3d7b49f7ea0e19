/** A finished job as workers would have left it, without classifying anything. */
import { hash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ulid } from 'ulid';
import { FILES_BUCKET } from '../../../src/core/cloud/files-in-place.ts';
import { batchEnd } from '../../../src/core/job/batches.ts';
import type { ManifestEntry } from '../../../src/core/job/job.ts';
import { createJob, finishJob, sealJob } from '../../../src/core/job/job-record.ts';
import { writePart } from '../../../src/core/job/manifest.ts';
import { markErrors, writeShard } from '../../../src/core/job/shard.ts';
import type { ImageResult, Outcome } from '../../../src/core/model/outcome.ts';
import { createLocalCloud } from '../../../src/local/cloud.ts';
import { partSize } from '../../../src/upload/plan.ts';
import { MODEL } from '../../integration/worker-harness.ts';

export interface FakedImage {
  name: string;
  result: ImageResult;
  /** A file that it is; by default there is none. */
  file?: string;
}

interface FakedJob {
  dataDir: string;
  inputs: string[];
  images: readonly FakedImage[];
}

/** Writes the job into the storage of a service on this data folder. @returns its id. */
export async function fakeJob({ dataDir, inputs, images }: FakedJob): Promise<string> {
  const cloud = createLocalCloud({ dataDir, cluster: 'default' });
  const { output } = cloud;
  const createdAtMs = Date.now() - 60_000;
  const id = ulid(createdAtMs);
  const common = { include: [], exclude: [], topK: 5, model: MODEL };
  await createJob(output, { v: 1, id, state: 'open', createdAtMs, inputs, folder: dataDir, ...common });
  for (let part = 0, first = 0; first < images.length; first += partSize(part++)) {
    const members = images.slice(first, first + partSize(part));
    const entries = members.map((image, at) => manifestEntry(image, first + at));
    await writePart(output, id, { attempt: 1, part }, await Promise.all(entries));
  }
  for (let first = 0; first < images.length; first = batchEnd(first)) {
    const members = images.slice(first, batchEnd(first));
    const outcomes = members.map(({ name, result }, at): Outcome => {
      const place = { v: 1 as const, index: first + at, name };
      return 'error' in result
        ? { ...place, error: result.error }
        : { ...place, ...result, model: 'stub/fp32' };
    });
    const range = { attempt: 1, first, last: first + members.length - 1 };
    await writeShard(output, id, { range, outcomes });
    await markErrors(output, id, { range, outcomes });
  }
  await sealJob(output, id, images.length);
  await finishJob(output, { id, attempt: 1 }, createdAtMs + 7000);
  await cloud.close();
  return id;
}

async function manifestEntry({ name, file }: FakedImage, index: number): Promise<ManifestEntry> {
  const key = file ?? path.join('/nowhere', name);
  const bytes = file === undefined ? 0 : (await stat(file)).size;
  return { index, name, source: key, bytes, bucket: FILES_BUCKET, key, sha256: hash('sha256', key) };
}
