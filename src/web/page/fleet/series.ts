/** What the fleet's charts draw: the controller's memory, then what this page has seen since. Pure. */
import type { FleetSample, StatusBody } from '../../api.ts';

/** A moment of the fleet; what could not be read then is absent, and never 0. */
export interface Moment {
  atMs: number;
  messages?: number | undefined;
  booting?: number | undefined;
  idle?: number | undefined;
  busy?: number | undefined;
  draining?: number | undefined;
  imagesPerSecond?: number | undefined;
}

type Known<T> = T | { unknown: string };

export const isUnknown = <T>(value: Known<T>): value is { unknown: string } =>
  typeof value === 'object' && value !== null && 'unknown' in value;

const SHOWN_MS = 3_600_000;

/** What a status says of its moment. */
export function momentOf({ atMs, requests, workers, imagesPerSecond }: StatusBody): Moment {
  const moment: Moment = { atMs };
  if (!isUnknown(requests)) moment.messages = requests.waiting + requests.inFlight + requests.delayed;
  if (!isUnknown(imagesPerSecond)) moment.imagesPerSecond = imagesPerSecond;
  if (!isUnknown(workers))
    for (const phase of ['booting', 'idle', 'busy', 'draining'] as const)
      moment[phase] = workers.filter((worker) => worker.phase === phase).length;
  return moment;
}

/** The controller's memory counts, and what was seen after its end. */
export function merged(history: readonly FleetSample[], seen: readonly Moment[]): Moment[] {
  const rememberedMs = history.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
  const moments: Moment[] = [...history, ...seen.filter(({ atMs }) => atMs > rememberedMs)];
  const newestMs = moments.at(-1)?.atMs ?? 0;
  return moments.filter(({ atMs }) => atMs > newestMs - SHOWN_MS);
}

type Column = (number | null)[];

/** Columns as a chart takes them: times in seconds, then a line each. */
export const column = (moments: readonly Moment[], of: (moment: Moment) => number | undefined): Column =>
  moments.map((moment) => of(moment) ?? null);

/** Each line on top of those after it, so that areas drawn in order lie upon each other. */
export function stacked(columns: readonly Column[]): Column[] {
  return columns.map((own, at) =>
    own.map((_, place) => {
      let sum = 0;
      for (const below of columns.slice(at)) {
        const value = below[place];
        if (value === null || value === undefined) return null;
        sum += value;
      }
      return sum;
    }),
  );
}
