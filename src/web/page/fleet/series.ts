/** The data of the fleet's charts: the controller's history, then what this page has polled since. Pure. */
import { isUnknown } from '../../../core/runtime/unknown.ts';
import type { FleetSample, StatusBody } from '../../api.ts';

/** The fleet at one time. A value that could not be read is absent, never 0. */
export interface Moment {
  atMs: number;
  messages?: number | undefined;
  booting?: number | undefined;
  idle?: number | undefined;
  busy?: number | undefined;
  draining?: number | undefined;
  imagesPerSecond?: number | undefined;
}

export const RANGES_MS = { hour: 3_600_000, day: 86_400_000 } as const;
export type Range = keyof typeof RANGES_MS;

export function momentOf({ atMs, requests, workers, imagesPerSecond }: StatusBody): Moment {
  const moment: Moment = { atMs };
  if (!isUnknown(requests)) moment.messages = requests.waiting + requests.inFlight + requests.delayed;
  if (!isUnknown(imagesPerSecond)) moment.imagesPerSecond = imagesPerSecond;
  if (!isUnknown(workers))
    for (const phase of ['booting', 'idle', 'busy', 'draining'] as const)
      moment[phase] = workers.filter((worker) => worker.phase === phase).length;
  return moment;
}

/** The controller's history, then the polled moments that are newer, of the last hour or day. */
export function mergeHistory(
  history: readonly FleetSample[],
  polled: readonly Moment[],
  range: Range,
): Moment[] {
  const historyEndMs = history.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
  const moments: Moment[] = [...history, ...polled.filter(({ atMs }) => atMs > historyEndMs)];
  const newestMs = moments.at(-1)?.atMs ?? 0;
  return moments.filter(({ atMs }) => atMs > newestMs - RANGES_MS[range]);
}

type Column = (number | null)[];

/** One value of each moment, as a chart takes it; null where it is unknown. */
export const column = (moments: readonly Moment[], of: (moment: Moment) => number | undefined): Column =>
  moments.map((moment) => of(moment) ?? null);

/** Each column plus all columns after it. Drawn in this order, the areas stack. */
export function stacked(columns: readonly Column[]): Column[] {
  return columns.map((own, at) =>
    own.map((_, row) => {
      let sum = 0;
      for (const below of columns.slice(at)) {
        const value = below[row];
        if (value === null || value === undefined) return null;
        sum += value;
      }
      return sum;
    }),
  );
}
