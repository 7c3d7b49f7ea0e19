/** Which outcomes to ask for next. Pure. */

import { IndexRanges } from '../../../core/job/index-ranges.ts';
import type { SpanView } from '../../api.ts';

/** Of a larger job only what is looked at is fetched. */
export const FETCHED_WHOLE = 5000;
/** The most that the service gives in one answer. */
export const PAGE = 1000;
/** Fetching so many again is cheaper than asking twice. */
const BRIDGED = 200;
/** Fetched above and below what is in view. */
const AHEAD = 200;

export interface Wants {
  /** Images whose outcome is there and not here. */
  missing: IndexRanges;
  /** Asked for already. */
  inFlight: IndexRanges;
  /** What is in view, by input order or not. */
  visible: IndexRanges;
  total: number;
  /** What lies between images is nothing, however much it is. */
  isSparse: boolean;
}

/** What is in view first, then, unless the job is huge, the rest in order. At most `slots` requests. */
export function nextRequests(
  { missing, inFlight, visible, total, isSparse }: Wants,
  slots: number,
): SpanView[] {
  const joined = isSparse ? pagesOf : coalesced;
  const open = missing.without(inFlight);
  const near = new IndexRanges();
  for (const { first, last } of visible.list)
    for (const span of open.within({ first: first - AHEAD, last: last + AHEAD }).list) near.add(span);
  const requests = joined(near);
  if (total <= FETCHED_WHOLE && requests.length < slots) {
    const asked = new IndexRanges(requests);
    requests.push(...joined(open.without(asked)));
  }
  return requests.slice(0, slots);
}

/** As many images a request as one answer holds, whatever lies between them. */
function pagesOf(spans: IndexRanges): SpanView[] {
  const requests: SpanView[] = [];
  let room = 0;
  for (const index of spans.indexes()) {
    const before = requests.at(-1);
    if (before !== undefined && room > 0) before.last = index;
    else requests.push({ first: index, last: index });
    room = room > 0 ? room - 1 : PAGE - 1;
  }
  return requests;
}

/** Bridges small gaps, and cuts to what one answer holds. */
function coalesced(spans: IndexRanges): SpanView[] {
  const requests: SpanView[] = [];
  for (const span of spans.list) {
    let { first } = span;
    const before = requests.at(-1);
    if (before !== undefined && first - before.last <= BRIDGED) {
      const last = Math.min(span.last, before.first + PAGE - 1);
      if (last >= first) {
        before.last = last;
        first = last + 1;
      }
    }
    for (; first <= span.last; first += PAGE)
      requests.push({ first, last: Math.min(span.last, first + PAGE - 1) });
  }
  return requests;
}
