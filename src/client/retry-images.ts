// The images of a retry: those of the manifest whose outcome is an error, read from their sources again.

import type { Store } from '../core/cloud/ports.ts';
import type { IndexRange } from '../core/job/index-ranges.ts';
import { FIRST_ATTEMPT, type JobRecord, type ManifestEntry } from '../core/job/job.ts';
import { readManifest } from '../core/job/manifest.ts';
import { isError } from '../core/model/outcome.ts';
import { isWebAddress } from '../core/network/web-address.ts';
import { readFailures } from '../results/failures.ts';
import { pathFrom } from '../upload/in-place.ts';
import type { Input } from '../upload/inputs.ts';
import { parseS3Address } from '../upload/select.ts';
import type { JobImage } from '../upload/store-group.ts';

export interface RetryImagesOptions {
  output: Store;
  readBucket(name: string): Store;
  /** Which of the failed images to retry. */
  isWanted(index: number): boolean;
  signal?: AbortSignal;
}

/** The images that the job's present attempt retries, in input order. */
export async function* imagesToRetry(job: JobRecord, options: RetryImagesOptions): AsyncGenerator<JobImage> {
  const { output, signal } = options;
  async function* wanted(): AsyncGenerator<IndexRange> {
    for await (const index of readFailures(output, job.id, job.attempt, signal))
      if (options.isWanted(index)) yield { first: index, last: index };
  }
  const manifest = readManifest(output, { job: job.id, attempt: FIRST_ATTEMPT }, wanted(), signal);
  for await (const entries of manifest) for (const entry of entries) yield await imageOf(job, entry, options);
}

/** An image to read from its source again. If that fails, or it came from a program, the bytes stored before are used. */
async function imageOf(job: JobRecord, entry: ManifestEntry, options: RetryImagesOptions): Promise<JobImage> {
  const { index, name, source } = entry;
  const found = await sourceOf(job, entry, options);
  if (isError(entry))
    return { index, input: found ?? { kind: 'unreadable', name, source, error: entry.error } };
  return { index, input: found ?? { kind: 'unreadable', name, source, error: NO_SOURCE }, otherwise: entry };
}

const NO_SOURCE = { code: 'missing', message: 'The image has no source to read it from again.' } as const;

/** The image in its source now. Undefined if it is not there. */
async function sourceOf(
  { inputs, folder = '.' }: JobRecord,
  { name, source }: ManifestEntry,
  { readBucket, signal }: RetryImagesOptions,
): Promise<Input | undefined> {
  const address = parseS3Address(source);
  // Without named inputs the images came from a program, and their sources may be any text.
  if (inputs.length === 0) return undefined;
  if (isWebAddress(source)) return { kind: 'url', name, source, url: source };
  if (address === undefined) return { kind: 'file', name, source, path: pathFrom(folder, source) };
  const { bucket, prefix: key } = address;
  const found = await readBucket(bucket).head(key, signal);
  if (found === undefined) return undefined;
  return { kind: 'object', name, source, bucket, key, etag: found.etag, bytes: found.bytes };
}
