/** What a job's view shows, and how it is kept in the address. Pure. */
import { GUESS_BELOW } from '../../../../core/text/warning-text.ts';
import type { Query } from '../../address.ts';

export const shownStates = ['all', 'sure', 'check', 'errors', 'waiting'] as const;
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
  /** The title of the open stack; undefined if all stacks are shown. */
  stack: string | undefined;
  /** Labels with a lower score are unsure. */
  minScore: number;
}

export const DEFAULT_VIEW: ViewOptions = {
  text: '',
  state: 'all',
  sorting: 'input',
  grouping: 'none',
  stack: undefined,
  minScore: GUESS_BELOW,
};

/** What shows fewer photos than there are. */
export const NO_FILTER = { text: '', state: 'all', stack: undefined } as const;

export const isFiltered = ({ text, state, stack }: ViewOptions): boolean =>
  text.trim() !== '' || state !== 'all' || stack !== undefined;

/** Values that an address may not have are the default ones. */
export function viewOptionsOf(query: URLSearchParams): ViewOptions {
  const percent = Number(query.get('min') ?? Number.NaN);
  return {
    text: query.get('q') ?? '',
    state: oneOf(shownStates, query.get('show')),
    sorting: oneOf(sortings, query.get('sort')),
    grouping: oneOf(groupings, query.get('group')),
    stack: query.get('in') ?? undefined,
    minScore: percent >= 0 && percent <= 100 ? percent / 100 : DEFAULT_VIEW.minScore,
  };
}

const oneOf = <T extends string>(values: readonly [T, ...T[]], text: string | null): T =>
  values.find((value) => value === text) ?? values[0];

/** Changes of the address. Default values are left out. */
export function queryOf(changes: Partial<ViewOptions>): Query {
  const changed = { ...DEFAULT_VIEW, ...changes };
  const texts: Record<keyof ViewOptions, [key: string, value: string | undefined]> = {
    text: ['q', changed.text],
    state: ['show', changed.state],
    sorting: ['sort', changed.sorting],
    grouping: ['group', changed.grouping],
    stack: ['in', changed.stack],
    minScore: ['min', String(Math.round(100 * changed.minScore))],
  };
  const isDefault = (option: keyof ViewOptions) => changed[option] === DEFAULT_VIEW[option];
  const options = Object.keys(changes) as (keyof ViewOptions)[];
  return Object.fromEntries(
    options.map((option) => [texts[option][0], isDefault(option) ? undefined : texts[option][1]]),
  );
}
