import type { Clock } from '../core/runtime/clock.ts';

/** A reason of ours: without one, each abort creates an error with a stack. */
const ENDED = 'ended';

/**
 * The items, and `late` when `ms` have passed since the last item for which `starts` was true, so that a caller that
 * collects items need not wait for a slow source. Requests only one item at a time from the source.
 */
export async function* batchWithDeadline<T>(
  items: AsyncIterable<T>,
  { clock, ms, starts }: { clock: Pick<Clock, 'sleep'>; ms: number; starts: () => boolean },
): AsyncGenerator<T | 'late'> {
  const source = items[Symbol.asyncIterator]();
  let timer = new AbortController();
  let late: Promise<'late'> | undefined;
  try {
    let next = source.next();
    for (;;) {
      const found = await Promise.race(late === undefined ? [next] : [next, late]);
      if (found === 'late') {
        late = undefined;
        yield 'late';
        continue;
      }
      if (found.done === true) return;
      next = source.next();
      // A rejection is handled when this promise is awaited.
      next.catch(() => {});
      yield found.value;
      if (!starts()) continue;
      timer.abort(ENDED);
      timer = new AbortController();
      late = clock.sleep(ms, timer.signal).then(() => 'late');
    }
  } finally {
    timer.abort(ENDED);
    await source.return?.();
  }
}

export interface GroupOptions<T> {
  /** Whether an item belongs to another group than those before. */
  startsGroup(item: T, group: readonly T[]): boolean;
  /** Whether an item is the last of its group. */
  endsGroup(item: T): boolean;
  ms: number;
  clock: Pick<Clock, 'sleep'>;
}

/** The items in groups. A group is smaller when `ms` have passed since its first item, and at the end. */
export async function* inGroups<T>(
  items: AsyncIterable<T>,
  { startsGroup, endsGroup, ms, clock }: GroupOptions<T>,
): AsyncGenerator<T[]> {
  let group: T[] = [];
  const starts = () => group.length === 1;
  for await (const item of batchWithDeadline<T>(items, { clock, ms, starts })) {
    if (group.length > 0 && (item === 'late' || startsGroup(item, group))) {
      yield group;
      group = [];
    }
    if (item === 'late') continue;
    group.push(item);
    if (endsGroup(item)) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}
