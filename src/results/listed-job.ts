import { attemptTotal, FIRST_ATTEMPT, type JobState } from '../core/job/job.ts';
import { traceOf } from '../core/job/trace.ts';
import type { ModelRef } from '../core/model/model.ts';
import type { JobFacts } from './job-facts.ts';

/** One job as a list shows it. What is not known is absent. */
export interface ListedJob {
  id: string;
  /** What its log lines are found by. */
  trace: string | undefined;
  model?: ModelRef;
  topK?: number;
  attempt: number;
  state: JobState;
  createdAtMs: number;
  finishedAtMs?: number;
  /** Images with an outcome, those left out that are being tried again. */
  done: number;
  total?: number;
  /** Images with an error. */
  errors: number;
  /** Of an unfinished job as it goes now; of a finished one over its whole life. */
  imagesPerSecond?: number;
  leftMs?: number;
  usd?: number;
}

/** What is known of a job besides its record. */
export interface JobProgress {
  errors: number;
  usd: number | undefined;
  /** Images of the present attempt that have an outcome. */
  images: number;
  /** Of an unfinished job. */
  imagesPerSecond?: number;
}

export function listedJob(record: JobFacts, seen: JobProgress): ListedJob {
  const { id, trace, model, topK, attempt, state, createdAtMs, finishedAtMs, total } = record;
  const known = {
    id,
    trace: traceOf({ job: id, trace }),
    ...(model !== undefined && { model }),
    ...(topK !== undefined && { topK }),
    attempt,
    state,
    createdAtMs,
    ...(finishedAtMs !== undefined && { finishedAtMs }),
    ...(total !== undefined && { total }),
    errors: seen.errors,
    ...(seen.usd !== undefined && { usd: seen.usd }),
  };
  if (state === 'finished') return { ...known, done: total ?? 0, ...rateOfLife(record) };
  const { images, imagesPerSecond } = seen;
  const wanted = attemptTotal(record);
  const before = attempt === FIRST_ATTEMPT || total === undefined ? 0 : total - (wanted ?? images);
  const isTimed = imagesPerSecond !== undefined && imagesPerSecond > 0 && wanted !== undefined;
  return {
    ...known,
    done: before + images,
    ...(imagesPerSecond !== undefined && { imagesPerSecond }),
    ...(isTimed && { leftMs: (1000 * (wanted - images)) / imagesPerSecond }),
  };
}

function rateOfLife({ total, createdAtMs, finishedAtMs = createdAtMs }: JobFacts) {
  const tookMs = finishedAtMs - createdAtMs;
  return total !== undefined && tookMs > 0 ? { imagesPerSecond: (1000 * total) / tookMs } : {};
}
