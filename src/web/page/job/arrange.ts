/** Which images of a job to show, and in what order. Pure. */
import { FETCHED_WHOLE } from './fetch-plan.ts';
import { isFailed, type OutcomeState, type Outcomes } from './outcomes.ts';

export const shownStates = ['all', 'labelled', 'errors', 'waiting'] as const;
export type ShownState = (typeof shownStates)[number];
export const sortings = ['input', 'name', 'label', 'score'] as const;
export type Sorting = (typeof sortings)[number];

export interface ViewOptions {
  /** Part of a name or a label. */
  text: string;
  state: ShownState;
  sorting: Sorting;
  isGrouped: boolean;
}

export const PLAIN: ViewOptions = { text: '', state: 'all', sorting: 'input', isGrouped: false };

export interface Group {
  /** Absent where there is one group of all. */
  title?: string;
  images: readonly number[];
}

export interface Arrangement {
  groups: Group[];
  shown: number;
  /** Only images that are loaded could be looked at, because the job is too large to load as a whole. */
  isPartial: boolean;
}

export interface Arranged {
  outcomes: Outcomes;
  total: number;
  /** Only what has an outcome is known to be there. */
  isSparse: boolean;
  nameOf(index: number): string;
}

const inOrder = new Intl.Collator('en', { numeric: true, sensitivity: 'base' }).compare;

export function arrange(source: Arranged, wish: ViewOptions): Arrangement {
  const { outcomes, total, isSparse } = source;
  const isPlain = wish.text.trim() === '' && wish.sorting === 'input' && !wish.isGrouped;
  const needsAll = !isPlain || !(wish.state === 'all' || wish.state === 'waiting');
  const isPartial = needsAll && total > FETCHED_WHOLE;
  const all = () => (isSparse ? [...outcomes.covered.indexes()] : range(total));
  const images = (isPartial ? outcomes.loadedIndexes() : all()).filter((index) =>
    isWanted(index, source, wish),
  );
  sort(images, source, wish.sorting);
  const groups = wish.isGrouped ? grouped(images, source) : [{ images }];
  return { groups, shown: images.length, isPartial };
}

let counted: number[] = [];
/** The same array for the same length: a huge job is not counted anew for each outcome. */
function range(length: number): readonly number[] {
  if (counted.length !== length) counted = Array.from({ length }, (_, index) => index);
  return counted;
}

function isWanted(index: number, { outcomes, nameOf }: Arranged, { state, text }: ViewOptions): boolean {
  if (state !== 'all' && !isShownAs(outcomes.stateOf(index), state)) return false;
  const words = text.trim().toLowerCase();
  if (words === '') return true;
  return `${nameOf(index)}\n${labelOf(outcomes, index)}`.toLowerCase().includes(words);
}

const isShownAs = (is: OutcomeState, wanted: ShownState): boolean =>
  wanted === 'errors' ? is === 'failed' : is === wanted;

function labelOf(outcomes: Outcomes, index: number): string {
  const outcome = outcomes.at(index);
  return outcome === undefined || isFailed(outcome) ? '' : outcome.label;
}

function scoreOf(outcomes: Outcomes, index: number): number {
  const outcome = outcomes.at(index);
  return outcome === undefined || isFailed(outcome) ? -1 : outcome.score;
}

/** Images without a label follow those that have one. */
function sort(images: number[], { outcomes, nameOf }: Arranged, sorting: Sorting): void {
  if (sorting === 'name') images.sort((one, other) => inOrder(nameOf(one), nameOf(other)));
  if (sorting === 'label')
    images.sort((one, other) => byLabel(labelOf(outcomes, one), labelOf(outcomes, other)));
  if (sorting === 'score') images.sort((one, other) => scoreOf(outcomes, other) - scoreOf(outcomes, one));
}

function byLabel(one: string, other: string): number {
  if (one === '' || other === '') return Number(one === '') - Number(other === '');
  return inOrder(one, other);
}

const NO_LABEL = { failed: 'Errors', waiting: 'Waiting', coming: 'Loading' };

/** The largest group first; what has no label comes last. */
function grouped(images: readonly number[], { outcomes }: Arranged): Group[] {
  const labelled = new Map<string, number[]>();
  const others = new Map<string, number[]>();
  for (const index of images) {
    const state = outcomes.stateOf(index);
    const [groups, title] =
      state === 'labelled'
        ? ([labelled, labelOf(outcomes, index)] as const)
        : ([others, NO_LABEL[state]] as const);
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
