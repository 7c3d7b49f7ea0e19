/** Filters, sorts and groups the images of a job. Pure. */
import { MAX_FETCHED_WHOLE } from '../follow/fetch-plan.ts';
import { isDoubtful, isFailed, type Outcomes } from '../follow/outcomes.ts';
import type { Grouping, ShownState, Sorting, ViewOptions } from './view-options.ts';

/** The images of one label or category. */
export interface Stack {
  title: string;
  images: readonly number[];
}

/** What has a place in the grid: an image by its index, or a stack of several. */
export type Tile = number | Stack;

export interface Arrangement {
  tiles: readonly Tile[];
  /** The images in the order of the tiles. */
  images: readonly number[];
  /** All stacks, if the images are grouped, also while one of them is open. */
  stacks: readonly Stack[];
  /** The job is too large to load completely, so only its loaded images were considered. */
  isPartial: boolean;
}

export interface ArrangeSource {
  outcomes: Outcomes;
  total: number;
  /** Only indexes that have an outcome are known to exist. */
  isSparse: boolean;
  nameOf(index: number): string;
}

const inOrder = new Intl.Collator('en', { numeric: true, sensitivity: 'base' }).compare;

export function arrange(source: ArrangeSource, options: ViewOptions): Arrangement {
  const { outcomes, total, isSparse } = source;
  const { text, state, sorting, grouping, stack } = options;
  const isWhole = text.trim() === '' && sorting === 'input' && grouping === 'none';
  const needsAll = !isWhole || !(state === 'all' || state === 'waiting');
  const isPartial = needsAll && total > MAX_FETCHED_WHOLE;
  const all = () => (isSparse ? [...outcomes.covered.indexes()] : range(total));
  const images = (isPartial ? outcomes.loadedIndexes() : all()).filter((index) =>
    matches(index, source, options),
  );
  sort(images, source, sorting);
  if (grouping === 'none') return { tiles: images, images, stacks: [], isPartial };
  const stacks = stacksOf(images, source, grouping);
  if (stack === undefined) {
    const tiles = stacks.map((each) => (each.images.length === 1 ? (each.images[0] as number) : each));
    return { tiles, images: stacks.flatMap((each) => each.images), stacks, isPartial };
  }
  const open = stacks.find(({ title }) => title === stack)?.images ?? [];
  return { tiles: open, images: open, stacks, isPartial };
}

let indexes: number[] = [];
/** Cached: a huge job would rebuild the array with each outcome. */
function range(length: number): readonly number[] {
  if (indexes.length !== length) indexes = Array.from({ length }, (_, index) => index);
  return indexes;
}

function matches(index: number, { outcomes, nameOf }: ArrangeSource, options: ViewOptions): boolean {
  if (!isInState(index, outcomes, options)) return false;
  const query = options.text.trim().toLowerCase();
  if (query === '') return true;
  const words = [nameOf(index), labelOf(outcomes, index), categoryOf(outcomes, index)];
  return words.some((word) => word.toLowerCase().includes(query));
}

function isInState(index: number, outcomes: Outcomes, { state, minScore }: ViewOptions): boolean {
  const isDoubt = () => {
    const outcome = outcomes.at(index);
    return outcome !== undefined && isDoubtful(outcome, minScore);
  };
  const isLabelled = () => outcomes.stateOf(index) === 'labelled';
  const tests: Record<ShownState, () => boolean> = {
    all: () => true,
    sure: () => isLabelled() && !isDoubt(),
    check: isDoubt,
    errors: () => outcomes.stateOf(index) === 'failed',
    waiting: () => outcomes.stateOf(index) === 'waiting',
  };
  return tests[state]();
}

function labelOf(outcomes: Outcomes, index: number): string {
  const outcome = outcomes.at(index);
  return outcome === undefined || isFailed(outcome) ? '' : outcome.label;
}

function categoryOf(outcomes: Outcomes, index: number): string {
  const outcome = outcomes.at(index);
  return outcome === undefined || isFailed(outcome) ? '' : (outcome.category?.name ?? '');
}

function scoreOf(outcomes: Outcomes, index: number): number {
  const outcome = outcomes.at(index);
  return outcome === undefined || isFailed(outcome) ? -1 : outcome.score;
}

/** Images without a label follow those that have one. */
function sort(images: number[], { outcomes, nameOf }: ArrangeSource, sorting: Sorting): void {
  if (sorting === 'name') images.sort((one, other) => inOrder(nameOf(one), nameOf(other)));
  if (sorting === 'label')
    images.sort((one, other) => byLabel(labelOf(outcomes, one), labelOf(outcomes, other)));
  if (sorting === 'score') images.sort((one, other) => scoreOf(outcomes, other) - scoreOf(outcomes, one));
}

function byLabel(one: string, other: string): number {
  if (one === '' || other === '') return Number(one === '') - Number(other === '');
  return inOrder(one, other);
}

const NO_LABEL = { failed: 'Errors', waiting: 'Waiting', loading: 'Loading' };
const NO_CATEGORY = 'No category';

/** The largest stack first; images without a label last. */
function stacksOf(
  images: readonly number[],
  { outcomes }: ArrangeSource,
  grouping: Exclude<Grouping, 'none'>,
): Stack[] {
  const titleOf = (index: number) =>
    grouping === 'label' ? labelOf(outcomes, index) : categoryOf(outcomes, index) || NO_CATEGORY;
  const labelled = new Map<string, number[]>();
  const others = new Map<string, number[]>();
  for (const index of images) {
    const state = outcomes.stateOf(index);
    const [stacks, title] =
      state === 'labelled' ? ([labelled, titleOf(index)] as const) : ([others, NO_LABEL[state]] as const);
    const stack = stacks.get(title);
    if (stack === undefined) stacks.set(title, [index]);
    else stack.push(index);
  }
  const listed = (stacks: Map<string, number[]>): Stack[] =>
    Array.from(stacks, ([title, members]) => ({ title, images: members }));
  const bySize = (one: Stack, other: Stack) =>
    other.images.length - one.images.length || inOrder(one.title, other.title);
  return [...listed(labelled).sort(bySize), ...listed(others)];
}
