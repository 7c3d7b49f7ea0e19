import { attemptTotal, type JobRecord } from '../core/job/job.ts';
import { isFinal, readJob } from '../core/job/job-record.ts';
import { type FollowOptions, finish } from './follow.ts';
import { IdleDeadLetterDrain } from './idle-dead-letter-drain.ts';
import { isComplete, readCoverage } from './job-coverage.ts';
import { ResponseListener } from './responses.ts';

/**
 * Waits until every image of a retry has its outcome, or the job is cancelled. Its progress has no number of errors: that
 * is known only at the end.
 * @returns the job's record at the end.
 * @throws the signal's reason when it aborts, and errors that a retry cannot fix. The job itself continues.
 */
export async function awaitRetry(options: FollowOptions): Promise<JobRecord> {
  const { cloud, jobId, signal } = options;
  const listener = new ResponseListener(options);
  const deadLetters = new IdleDeadLetterDrain(options);
  const close = () => listener.close();
  signal?.addEventListener('abort', close, { once: true });
  try {
    let record = await readJob(cloud.output, jobId, signal);
    let coverage = await readCoverage(cloud.output, record, signal);
    const before = coverage.size;
    const report = () =>
      options.onProgress?.({ done: coverage.size, before, errors: 0, total: attemptTotal(record) });
    for (;;) {
      report();
      if (isFinal(record)) return record;
      if (isComplete(record, coverage)) break;
      signal?.throwIfAborted();
      const responses = await listener.receive(record.state === 'open' ? options.sealed : undefined);
      for (const { job, attempt, first, last } of responses)
        if (job === jobId && attempt === record.attempt) coverage.add({ first, last });
      if (responses.length > 0) deadLetters.noteResponse();
      if (listener.mustList(responses)) {
        await deadLetters.drainIfIdle();
        record = await readJob(cloud.output, jobId, signal);
        coverage = await readCoverage(cloud.output, record, signal);
      }
    }
    await finish(options, record);
    return record;
  } finally {
    signal?.removeEventListener('abort', close);
    close();
  }
}
