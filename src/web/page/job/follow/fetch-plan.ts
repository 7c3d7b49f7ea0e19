/** Decides which outcomes to fetch next. Pure. */
import { type IndexRange, IndexRanges } from '../../../../core/job/index-ranges.ts';

/** Of a larger job only the images near the view are fetched. */
export const MAX_FETCHED_WHOLE = 20_000;
/** Outcomes in one response, at most. */
export const PAGE_IMAGES = 1000;
/** A gap of up to so many loaded images is fetched again: cheaper than a second request. */
const MAX_GAP = 200;
/** Images fetched before and after those in view. */
const PREFETCHED = 200;

export interface FetchState {
  /** Images whose newest outcome is not loaded. */
  missing: IndexRanges;
  /** Images that are being fetched. */
  inFlight: IndexRanges;
  /** Images in view, in any order. */
  visible: IndexRanges;
  total: number;
  /** Gaps between the images are empty, whatever their length. */
  isSparse: boolean;
  /** The view has just opened: only what is in it is fetched. */
  isOpening: boolean;
}

/** Images in view first; then, unless the job is too large, the rest in order. At most `slots` requests. */
export function nextRequests(
  { missing, inFlight, visible, total, isSparse, isOpening }: FetchState,
  slots: number,
): IndexRange[] {
  const toRequests = isSparse ? splitByCount : coalesce;
  const open = missing.without(inFlight);
  const near = new IndexRanges();
  const prefetched = isOpening ? 0 : PREFETCHED;
  for (const { first, last } of visible.list)
    for (const range of open.within({ first: first - prefetched, last: last + prefetched }).list)
      near.add(range);
  const requests = toRequests(near);
  if (!isOpening && total <= MAX_FETCHED_WHOLE && requests.length < slots) {
    requests.push(...toRequests(open.without(new IndexRanges(requests))));
  }
  return requests.slice(0, slots);
}

/** Requests of up to `PAGE_IMAGES` images each, whatever the gaps between them. */
function splitByCount(ranges: IndexRanges): IndexRange[] {
  const requests: IndexRange[] = [];
  let room = 0;
  for (const index of ranges.indexes()) {
    const before = requests.at(-1);
    if (before !== undefined && room > 0) before.last = index;
    else requests.push({ first: index, last: index });
    room = room > 0 ? room - 1 : PAGE_IMAGES - 1;
  }
  return requests;
}

/** Joins ranges across small gaps, and splits them at `PAGE_IMAGES`. */
function coalesce(ranges: IndexRanges): IndexRange[] {
  const requests: IndexRange[] = [];
  for (const range of ranges.list) {
    let { first } = range;
    const before = requests.at(-1);
    if (before !== undefined && first - before.last <= MAX_GAP) {
      const last = Math.min(range.last, before.first + PAGE_IMAGES - 1);
      if (last >= first) {
        before.last = last;
        first = last + 1;
      }
    }
    for (; first <= range.last; first += PAGE_IMAGES)
      requests.push({ first, last: Math.min(range.last, first + PAGE_IMAGES - 1) });
  }
  return requests;
}
