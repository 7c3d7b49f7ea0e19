/** Filters, sorts and groups the images of a job. Pure. */
import { MAX_FETCHED_WHOLE } from './fetch-plan.ts';
import { isFailed, type OutcomeState, type Outcomes } from './outcomes.ts';

export const shownStates = ['all', 'labelled', 'errors', 'waiting'] as const;
export type ShownState = (typeof shownStates)[number];
export const sortings = ['input', 'name', 'label', 'score'] as const;
export type Sorting = (typeof sortings)[number];

export const groupings = ['none', 'label', 'category'] as const;
export type Grouping = (typeof groupings)[number];

export interface ViewOptions {
  /** Part of a name, a label or a category. */
  text: string;
  state: ShownState;
  sorting: Sorting;
  grouping: Grouping;
}

export const DEFAULT_VIEW: ViewOptions = { text: '', state: 'all', sorting: 'input', grouping: 'none' };

export interface Group {
  /** Absent if the images are not grouped. */
  title?: string;
  images: readonly number[];
}

export interface Arrangement {
  groups: Group[];
  shown: number;
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
  const isDefault = options.text.trim() === '' && options.sorting === 'input' && options.grouping === 'none';
  const needsAll = !isDefault || !(options.state === 'all' || options.state === 'waiting');
  const isPartial = needsAll && total > MAX_FETCHED_WHOLE;
  const all = () => (isSparse ? [...outcomes.covered.indexes()] : range(total));
  const images = (isPartial ? outcomes.loadedIndexes() : all()).filter((index) =>
    matches(index, source, options),
  );
  sort(images, source, options.sorting);
  const { grouping } = options;
  const groups = grouping === 'none' ? [{ images }] : grouped(images, source, grouping);
  return { groups, shown: images.length, isPartial };
}

let indexes: number[] = [];
/** Cached: a huge job would rebuild the array with each outcome. */
function range(length: number): readonly number[] {
  if (indexes.length !== length) indexes = Array.from({ length }, (_, index) => index);
  return indexes;
}

function matches(index: number, { outcomes, nameOf }: ArrangeSource, { state, text }: ViewOptions): boolean {
  if (state !== 'all' && !isInState(outcomes.stateOf(index), state)) return false;
  const query = text.trim().toLowerCase();
  if (query === '') return true;
  const words = [nameOf(index), labelOf(outcomes, index), categoryOf(outcomes, index)];
  return words.some((word) => word.toLowerCase().includes(query));
}

const isInState = (state: OutcomeState, shown: ShownState): boolean =>
  shown === 'errors' ? state === 'failed' : state === shown;

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

/** The largest group first; images without a label last. */
function grouped(
  images: readonly number[],
  { outcomes }: ArrangeSource,
  grouping: Exclude<Grouping, 'none'>,
): Group[] {
  const titleOf = (index: number) =>
    grouping === 'label' ? labelOf(outcomes, index) : categoryOf(outcomes, index) || NO_CATEGORY;
  const labelled = new Map<string, number[]>();
  const others = new Map<string, number[]>();
  for (const index of images) {
    const state = outcomes.stateOf(index);
    const [groups, title] =
      state === 'labelled' ? ([labelled, titleOf(index)] as const) : ([others, NO_LABEL[state]] as const);
    const group = groups.get(title);
    if (group === undefined) groups.set(title, [index]);
    else group.push(index);
  }
  const listed = (groups: Map<string, number[]>): Group[] =>
    Array.from(groups, ([title, members]) => ({ title, images: members }));
  const bySize = (one: Group, other: Group) =>
    other.images.length - one.images.length || inOrder(one.title ?? '', other.title ?? '');
  return [...listed(labelled).sort(bySize), ...listed(others)];
}
