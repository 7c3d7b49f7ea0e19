import type { Cloud, Store } from '../cloud/ports.ts';
import { readObject } from '../cloud/read-object.ts';
import { PoisonError, PreconditionFailedError } from '../runtime/errors.ts';
import type { LocatedProcess } from '../runtime/located-process.ts';
import { parseVersioned } from '../runtime/versioned.ts';
import { FIRST_ATTEMPT, JOB_FORMAT, type JobRecord, jobId, jobRecord, type NewJob } from './job.ts';
import { ACTIVE_PREFIX, activeKey, jobKey, jobPrefix } from './keys.ts';

const encode = (record: NewJob) => Buffer.from(JSON.stringify(record));

/** Writes a new job. Its active marker is written first, so that a controller never misses a job. */
export async function createJob(output: Store, record: NewJob, signal?: AbortSignal): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  await output.put(activeKey(record.id), new Uint8Array(), options);
  await output.put(jobKey(record.id), encode(record), { ...options, only: 'absent' });
}

/** The jobs with an active marker. Skips objects of other programs under the same prefix. */
export async function* listActiveJobs(output: Store, signal?: AbortSignal): AsyncGenerator<string> {
  for await (const { key } of output.list(ACTIVE_PREFIX, signal && { signal })) {
    const id = key.slice(ACTIVE_PREFIX.length);
    if (jobId.safeParse(id).success) yield id;
  }
}

/** Whether the job was deleted. Reads no cache. */
export const isDeleted = async (output: Store, id: string, signal?: AbortSignal): Promise<boolean> =>
  (await output.head(jobKey(id), signal)) === undefined;

/** Objects deleted together. */
const DELETED_AT_ONCE = 1000;

/**
 * Deletes all that a job has, besides its dead letters. The record goes first: who writes for the job looks for it
 * afterwards, and deletes what it wrote if the record is gone. An interrupted removal can be repeated.
 * @returns how many objects there were, and their bytes.
 */
export async function removeJob(
  { output, forget }: Pick<Cloud, 'output' | 'forget'>,
  id: string,
  signal?: AbortSignal,
): Promise<{ objects: number; bytes: number }> {
  const record = await output.head(jobKey(id), signal);
  await output.delete([jobKey(id), activeKey(id)], signal);
  let objects = record === undefined ? 0 : 1;
  let bytes = record?.bytes ?? 0;
  let page: string[] = [];
  for await (const { key, bytes: size } of output.list(jobPrefix(id), signal && { signal })) {
    objects++;
    bytes += size;
    page.push(key);
    if (page.length < DELETED_AT_ONCE) continue;
    await output.delete(page, signal);
    page = [];
  }
  await output.delete(page, signal);
  const forgotten = (await forget?.(id, signal)) ?? { objects: 0, bytes: 0 };
  return { objects: objects + forgotten.objects, bytes: bytes + forgotten.bytes };
}

/** @throws {ObjectMissingError} when there is no such job. @throws {InvalidObjectError} when its record is not valid. */
export async function readJob(output: Store, id: string, signal?: AbortSignal): Promise<JobRecord> {
  return (await readJobVersion(output, id, signal)).record;
}

/** As {@link readJob}, with the version that was read. */
export async function readJobVersion(
  output: Store,
  id: string,
  signal?: AbortSignal,
): Promise<{ etag: string; record: JobRecord }> {
  const { info, value } = await readObject(
    output,
    jobKey(id),
    (text) => parseRecord(text, id),
    signal && { signal },
  );
  return { etag: info.etag, record: value };
}

function parseRecord(text: string, id: string): JobRecord {
  const record = parseVersioned(jobRecord, text, `record of job ${id}`, JOB_FORMAT);
  // A copy must not change the job that it is a copy of.
  if (record.id !== id)
    throw new PoisonError(`The record of job ${id} is a copy of that of job ${record.id}.`);
  return record;
}

/**
 * Changes a job record. Starts again from the newest version if another process changed it meanwhile.
 * @param change returns the new record, or undefined to leave it unchanged.
 * @returns the record afterwards.
 */
export async function updateJob(
  output: Store,
  id: string,
  change: (record: JobRecord) => JobRecord | undefined,
): Promise<JobRecord> {
  for (;;) {
    const { etag, record } = await readJobVersion(output, id);
    const next = change(record);
    if (next === undefined) return record;
    try {
      await output.put(jobKey(id), encode(next), { only: { etag } });
    } catch (error) {
      if (error instanceof PreconditionFailedError) continue;
      throw error;
    }
    if (isFinal(next)) await output.delete([activeKey(id)]);
    return next;
  }
}

/** Records the number of images of the present attempt. A job that was cancelled meanwhile stays cancelled. */
export const sealJob = (output: Store, id: string, images: number): Promise<JobRecord> =>
  updateJob(output, id, (record) => {
    if (record.state !== 'open') return undefined;
    const known =
      record.attempt === FIRST_ATTEMPT ? { total: images } : { retried: [...record.retried, images] };
    return { ...record, ...known, state: 'sealed' };
  });

/** Finishes a sealed job. The caller has seen an outcome for every image of the attempt in `seen`. */
export const finishJob = (
  output: Store,
  seen: Pick<JobRecord, 'id' | 'attempt'>,
  finishedAtMs: number,
): Promise<JobRecord> =>
  updateJob(output, seen.id, (record) =>
    record.state === 'sealed' && record.attempt === seen.attempt
      ? { ...record, state: 'finished', finishedAtMs }
      : undefined,
  );

/**
 * Opens a finished job for its next attempt. Its active marker is written first, as for a new job.
 * @returns the record afterwards. If it is not `open` in the next attempt, the job was not opened.
 */
export async function reopenJob(output: Store, seen: JobRecord): Promise<JobRecord> {
  await output.put(activeKey(seen.id), new Uint8Array());
  return await updateJob(output, seen.id, (record) => {
    if (record.state !== 'finished' || record.attempt !== seen.attempt) return undefined;
    const { finishedAtMs: _over, ...rest } = record;
    return { ...rest, state: 'open', attempt: record.attempt + 1 };
  });
}

/** Cancelling is final. A finished job stays finished. */
export const cancelJob = (output: Store, id: string): Promise<JobRecord> =>
  updateJob(output, id, (record) => (isFinal(record) ? undefined : { ...record, state: 'cancelled' }));

/** Records who announces the images of an open job. */
export const claimJob = (output: Store, id: string, submitter: LocatedProcess): Promise<JobRecord> =>
  updateJob(output, id, (record) => (record.state === 'open' ? { ...record, submitter } : undefined));

/** Whether the process that announced the images has certainly ended before it was done. Only known on one machine. */
export const isInterrupted = (
  { processes }: Pick<Cloud, 'processes'>,
  { state, submitter }: Pick<JobRecord, 'state' | 'submitter'>,
): boolean => state === 'open' && submitter !== undefined && processes?.hasEnded(submitter) === true;

export const isFinal = ({ state }: Pick<JobRecord, 'state'>): boolean =>
  state === 'finished' || state === 'cancelled';
