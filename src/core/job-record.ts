import { PreconditionFailedError } from './errors.ts';
import { type JobRecord, jobRecord } from './job.ts';
import { activeKey, jobKey } from './keys.ts';
import type { Store } from './ports.ts';
import { parseVersioned } from './versioned.ts';

const decoder = new TextDecoder();
const encode = (record: JobRecord) => Buffer.from(JSON.stringify(record));

/** Writes a new job: its marker first, so that no job is ever unknown to a controller. */
export async function createJob(output: Store, record: JobRecord, signal?: AbortSignal): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  await output.put(activeKey(record.id), new Uint8Array(), options);
  await output.put(jobKey(record.id), encode(record), { ...options, only: 'absent' });
}

/** @throws {ObjectMissingError} when there is no such job. */
export async function readJob(output: Store, id: string, signal?: AbortSignal): Promise<JobRecord> {
  return (await readVersion(output, id, signal)).record;
}

async function readVersion(output: Store, id: string, signal?: AbortSignal) {
  const { info, body } = await output.get(jobKey(id), signal === undefined ? {} : { signal });
  return { etag: info.etag, record: parseVersioned(jobRecord, decoder.decode(body), `record of job ${id}`) };
}

/**
 * Changes a job record, again from its newest version whenever somebody else changed it first.
 * @param change answers the new record, or undefined to leave it as it is.
 * @returns the record as it stands afterwards.
 */
export async function updateJob(
  output: Store,
  id: string,
  change: (record: JobRecord) => JobRecord | undefined,
): Promise<JobRecord> {
  for (;;) {
    const { etag, record } = await readVersion(output, id);
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

/** The job's total, known from now on. A job that was cancelled meanwhile stays so. */
export const sealJob = (output: Store, id: string, total: number): Promise<JobRecord> =>
  updateJob(output, id, (record) =>
    record.state === 'open' ? { ...record, state: 'sealed', total } : undefined,
  );

/** Only a sealed job can finish, and only its waiter or controller, having seen every index covered, says so. */
export const finishJob = (output: Store, id: string): Promise<JobRecord> =>
  updateJob(output, id, (record) =>
    record.state === 'sealed' ? { ...record, state: 'finished' } : undefined,
  );

/** Final; a finished job stays finished. */
export const cancelJob = (output: Store, id: string): Promise<JobRecord> =>
  updateJob(output, id, (record) => (isFinal(record) ? undefined : { ...record, state: 'cancelled' }));

export const isFinal = (record: JobRecord): boolean =>
  record.state === 'finished' || record.state === 'cancelled';
