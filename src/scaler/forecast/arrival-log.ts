/** The arrivals of work that the forecast is made from. They outlive controllers, so their times are of the wall clock. */
import * as z from 'zod';
import type { Store } from '../../core/cloud/ports.ts';
import { findObject } from '../../core/cloud/read-object.ts';
import { isDropJob, jobTimeMs } from '../../core/job/job-ids.ts';
import { CONTROLLER_ARRIVALS_KEY } from '../../core/job/keys.ts';
import { FORMAT, formatVersion, parseVersioned } from '../../core/runtime/versioned.ts';
import type { Arrived } from '../snapshot.ts';
import type { LoggedArrival } from './arrivals.ts';

/** Seven weeks of one every hour, or three days of one every five minutes; 50 KB of JSON. */
const KEPT_ARRIVALS = 1200;
/** Work that arrives within this time of other work arrives with it. */
const TOGETHER_MS = 60_000;

/** `controller/arrivals.json`, the latest last. */
export const arrivalLog = z.object({
  v: formatVersion,
  arrivals: z.array(z.object({ atMs: z.number(), workMs: z.number().nonnegative() })),
});

export interface Look {
  /** Wall clock. */
  nowMs: number;
  /** The first one of a controller sees jobs that an earlier controller has logged. */
  isFirst: boolean;
}

/** The log with what has arrived since the last look. A job arrived when its id says; work without a new id arrived now. */
export function withArrived(
  log: readonly LoggedArrival[],
  { jobs, ids, workMs }: Arrived,
  { nowMs, isFirst }: Look,
): readonly LoggedArrival[] {
  const loggedMs = log.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
  const since = ids.map((id) => (isDropJob(id) ? nowMs : Math.min(nowMs, jobTimeMs(id))));
  const isLogged = (atMs: number) => atMs <= loggedMs + (isFirst ? TOGETHER_MS : 0);
  const times = since
    .filter((atMs) => !isFirst || !isLogged(atMs))
    .map((atMs) => (isLogged(atMs) ? nowMs : atMs))
    .concat(jobs > ids.length ? [nowMs] : [])
    .sort((a, b) => a - b);
  if (times.length === 0 && (isFirst || workMs === 0)) return log;
  const next = [...log];
  for (const atMs of times)
    if (atMs - (next.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= TOGETHER_MS) next.push({ atMs, workMs: 0 });
  const last = next.pop();
  if (last === undefined) return log;
  return [...next, { ...last, workMs: last.workMs + workMs }].slice(-KEPT_ARRIVALS);
}

/** Undefined if there is none. @throws {InvalidObjectError} @throws {NewerVersionError} */
export async function findArrivals(output: Store): Promise<readonly LoggedArrival[] | undefined> {
  const parse = (text: string) => parseVersioned(arrivalLog, text, 'log of arrivals');
  return (await findObject(output, CONTROLLER_ARRIVALS_KEY, parse))?.value.arrivals;
}

export async function writeArrivals(output: Store, arrivals: readonly LoggedArrival[]): Promise<void> {
  await output.put(CONTROLLER_ARRIVALS_KEY, Buffer.from(JSON.stringify({ v: FORMAT, arrivals })));
}
