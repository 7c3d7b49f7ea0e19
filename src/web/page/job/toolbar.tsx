import type { Signal } from '@preact/signals';
import type { JobView } from '../../api.ts';
import { counted, number } from '../format.ts';
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
    waiting: job.total === undefined ? undefined : job.total - job.done,
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
      <fieldset class="segments">
        <legend class="unseen">Show</legend>
        {shownStates.map((shown) => (
          <label key={shown}>
            <input
              type="radio"
              name="shown"
              checked={state === shown}
              onChange={() => change({ state: shown })}
            />
            <span>
              {stateNames[shown]}
              {counts[shown] !== undefined && <small>{number(Math.max(0, counts[shown]))}</small>}
            </span>
          </label>
        ))}
      </fieldset>
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
          This job is too large to load completely. Filters and sorting cover the {counted(loaded, 'image')}{' '}
          loaded so far. The downloads contain all.
        </p>
      )}
      {arrangement.shown === 0 && <p class="nothing">{noMatchText(text)}</p>}
    </search>
  );
}

interface ChoiceProps<T extends string> {
  title: string;
  options: readonly T[];
  names: Record<T, string>;
  chosen: T;
  onChoose(chosen: T): void;
}

function Choice<T extends string>({ title, options, names, chosen, onChoose }: ChoiceProps<T>) {
  return (
    <label class="choice">
      {title}
      <select value={chosen} onChange={({ currentTarget: { value } }) => onChoose(value as T)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {names[option]}
          </option>
        ))}
      </select>
    </label>
  );
}

const noMatchText = (text: string): string =>
  text.trim() === '' ? 'No photos match this filter.' : `No photos match "${text.trim()}".`;
