import { encodeTime } from 'ulid';
import type { JobRecord } from '../../core/job/job.ts';
import type { Arrival } from './traces.ts';

/** An arrival as a job. */
export interface SimulatedJob {
  id: string;
  images: number;
  /** What an image costs, in images of the usual cost. */
  costFactor: number;
  arrivedAtMs: number;
  sealedAtMs: number;
  deadlineMs: number | undefined;
  maxCostUsd: number | undefined;
  imagesDone: number;
}

/** @param number of the job in the run. */
export function jobOf(
  { images, costFactor = 1, dueInMs, maxCostUsd }: Arrival,
  number: number,
  times: { arrivedAtMs: number; sealedAtMs: number },
): SimulatedJob {
  const id = encodeTime(Math.round(times.arrivedAtMs), 10) + String(number).padStart(16, '0');
  const deadlineMs = dueInMs === undefined ? undefined : times.arrivedAtMs + dueInMs;
  return { id, images, costFactor, deadlineMs, maxCostUsd, imagesDone: 0, ...times };
}

const MODEL = { name: 'simulated', version: '1', variant: 'fp32', sha256: '0'.repeat(64) } as const;

export const recordOf = (
  { id, images, arrivedAtMs, sealedAtMs, deadlineMs, maxCostUsd }: SimulatedJob,
  nowMs: number,
): JobRecord => ({
  v: 1,
  id,
  state: nowMs >= sealedAtMs ? 'sealed' : 'open',
  createdAtMs: arrivedAtMs,
  inputs: [],
  include: [],
  exclude: [],
  topK: 5,
  model: MODEL,
  attempt: 1,
  retried: [],
  ...(nowMs >= sealedAtMs && { total: images }),
  ...(deadlineMs !== undefined && { deadlineMs }),
  ...(maxCostUsd !== undefined && { maxCostUsd }),
});
