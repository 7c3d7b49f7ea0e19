import type { Signal } from '@preact/signals';
import type { JobView } from '../../api.ts';
import { Choice } from '../controls/choice.tsx';
import { Segments } from '../controls/segments.tsx';
import { counted } from '../format.ts';
import {
  type Arrangement,
  type Grouping,
  groupings,
  type ShownState,
  type Sorting,
  shownStates,
  sortings,
  type ViewOptions,
} from './arrange.ts';

const stateNames: Record<ShownState, string> = {
  all: 'All',
  labelled: 'Labelled',
  errors: 'Errors',
  waiting: 'Waiting',
};
const sortingNames: Record<Sorting, string> = {
  input: 'Input order',
  name: 'Name',
  label: 'Label',
  score: 'Score, highest first',
};

const groupingNames: Record<Grouping, string> = { none: 'Nothing', label: 'Label', category: 'Category' };

interface ToolbarProps {
  options: Signal<ViewOptions>;
  arrangement: Arrangement;
  job: JobView;
  loaded: number;
}

/** Filters, sorting and grouping of the images. */
export function Toolbar({ options, arrangement, job, loaded }: ToolbarProps) {
  const { text, state, sorting, grouping } = options.value;
  const change = (changed: Partial<ViewOptions>) => {
    options.value = { ...options.value, ...changed };
  };
  const counts: Record<ShownState, number | undefined> = {
    all: job.total,
    labelled: job.done - job.errors,
    errors: job.errors,
    waiting: job.total === undefined ? undefined : Math.max(0, job.total - job.done),
  };
  return (
    <search class="toolbar" aria-label="Images of the job">
      <input
        type="search"
        aria-label="Filter by name, label or category"
        placeholder="Filter by name, label or category"
        value={text}
        onInput={({ currentTarget: { value } }) => change({ text: value })}
      />
      <Segments
        legend="Show"
        segments={shownStates.map((value) => ({ value, text: stateNames[value], count: counts[value] }))}
        chosen={state}
        onChoose={(chosen) => change({ state: chosen })}
      />
      <Choice
        title="Sort by"
        names={sortingNames}
        options={sortings}
        chosen={sorting}
        onChoose={(chosen) => change({ sorting: chosen })}
      />
      <Choice
        title="Group by"
        names={groupingNames}
        options={groupings}
        chosen={grouping}
        onChoose={(chosen) => change({ grouping: chosen })}
      />
      {arrangement.isPartial && (
        <p class="small partial">
          This job is too large to load completely. Filters and sorting cover the {counted(loaded, 'photo')}{' '}
          loaded so far. The downloads contain all.
        </p>
      )}
      {arrangement.shown === 0 && <p class="nothing">{noMatchText(text)}</p>}
    </search>
  );
}

const noMatchText = (text: string): string =>
  text.trim() === '' ? 'No photos match this filter.' : `No photos match "${text.trim()}".`;
