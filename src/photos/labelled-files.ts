import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { FILES_BUCKET, fileEtag } from '../core/cloud/files-in-place.ts';
import type { Store } from '../core/cloud/ports.ts';
import { FIRST_ATTEMPT, type JobRecord, type ManifestEntry } from '../core/job/job.ts';
import { readManifest } from '../core/job/manifest.ts';
import { isError, type Outcome } from '../core/model/outcome.ts';
import { readFault } from '../core/runtime/errors.ts';
import { readOutcomes } from '../results/ledger.ts';
import { fileOf } from './file-of.ts';

/** An outcome of a job, and the file of this machine that it is of. */
export interface LabelledFile {
  outcome: Outcome;
  /** Absolute. Undefined for what is no file of this machine: objects of S3, bytes of a program. */
  path: string | undefined;
  /** The content that was labelled. */
  content: FileContent;
}

export interface FileContent {
  bytes: number;
  sha256?: string | undefined;
  /** Of a file that was read in place. */
  etag?: string | undefined;
}

/** The outcomes that a job has so far, with their files, in input order. */
export async function* labelledFiles(
  output: Store,
  job: JobRecord,
  signal?: AbortSignal,
): AsyncGenerator<LabelledFile> {
  const retried = await retriedEntries(output, job, signal);
  const entries = entriesOf(output, job, FIRST_ATTEMPT, signal);
  try {
    let entry = await entries.next();
    for await (const outcome of readOutcomes(output, job.id, { signal })) {
      while (entry.done !== true && entry.value.index < outcome.index) entry = await entries.next();
      if (entry.done === true) return;
      if (entry.value.index === outcome.index)
        yield labelledFile(job, outcome, retried.get(outcome.index) ?? entry.value);
    }
  } finally {
    await entries.return(undefined);
  }
}

async function* entriesOf(
  output: Store,
  { id: job }: JobRecord,
  attempt: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<ManifestEntry, void> {
  const all = [{ first: 0, last: Number.POSITIVE_INFINITY }];
  for await (const part of readManifest(output, { job, attempt }, all, signal)) yield* part;
}

/** What the retries read: a file may have been replaced before them. Memory holds only images that had failed. */
async function retriedEntries(
  output: Store,
  job: JobRecord,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<number, ManifestEntry>> {
  const found = new Map<number, ManifestEntry>();
  for (let attempt = FIRST_ATTEMPT + 1; attempt <= job.attempt; attempt++)
    for await (const entry of entriesOf(output, job, attempt, signal)) found.set(entry.index, entry);
  return found;
}

function labelledFile(job: JobRecord, outcome: Outcome, entry: ManifestEntry): LabelledFile {
  const { bytes } = entry;
  const path = fileOf(job, entry);
  if (isError(entry)) return { outcome, path, content: { bytes } };
  const { bucket, sha256, etag } = entry;
  return { outcome, path, content: { bytes, sha256, ...(bucket === FILES_BUCKET && { etag }) } };
}

/** Why a file is no longer what was labelled, or undefined. */
export async function whyNotLabelled(file: string, content: FileContent): Promise<string | undefined> {
  try {
    const found = await stat(file, { bigint: true });
    if (!found.isFile()) return 'is no longer a file';
    if (fileEtag(found) === content.etag) return undefined;
    const isSame = Number(found.size) === content.bytes && (await sha256Of(file)) === content.sha256;
    return isSame ? undefined : 'has changed since it was labelled';
  } catch (error) {
    return `cannot be read: ${readFault(error)}`;
  }
}

export async function sha256Of(file: string): Promise<string> {
  const sha = createHash('sha256');
  await pipeline(createReadStream(file), sha);
  return sha.digest('hex');
}
