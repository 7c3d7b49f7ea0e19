import type { JobView } from '../../../api.ts';
import { Choice } from '../../controls/choice.tsx';
import { Icon } from '../../controls/icon.tsx';
import { SearchField } from '../../controls/search-field.tsx';
import { Segments } from '../../controls/segments.tsx';
import { counted, number } from '../../format.ts';
import { MAX_FETCHED_WHOLE } from '../follow/fetch-plan.ts';
import { isOver } from '../job-text.ts';
import { ScoreSlider } from './score-slider.tsx';
import { useMedia } from './use-media.ts';
import {
  type Grouping,
  groupings,
  isFiltered,
  type ShownState,
  type Sorting,
  shownStates,
  sortings,
  type ViewOptions,
} from './view-options.ts';

const stateNames: Record<ShownState, string> = {
  all: 'All',
  sure: 'Sure',
  check: 'To check',
  errors: 'Errors',
  waiting: 'Waiting',
};
const sortingNames: Record<Sorting, string> = {
  input: 'Input order',
  name: 'By name',
  label: 'By label',
  score: 'Best score first',
};
const groupingNames: Record<Grouping, string> = {
  none: 'No groups',
  label: 'By label',
  category: 'By category',
};

/** Below this width the filters are behind a button. */
const NARROW = '(max-width: 1119px)';
const FILTERS = 'filters';

interface ToolbarProps {
  options: ViewOptions;
  job: JobView;
  /** Labels that are worth little; undefined while not all are loaded. */
  doubtful: number | undefined;
  shown: number;
  onChange(changed: Partial<ViewOptions>): void;
  /** While the slider moves. */
  onDraftMinScore(minScore: number): void;
}

/** Filters, sorting and grouping of the images. */
export function Toolbar({ options, job, doubtful, shown, onChange, onDraftMinScore }: ToolbarProps) {
  const isNarrow = useMedia(NARROW);
  const total = job.total ?? job.done;
  const segments = segmentsOf(job, doubtful, options.state);
  const controls = (
    <>
      {segments.length > 1 && (
        <Segments
          legend="Show"
          segments={segments}
          chosen={options.state}
          onChoose={(state) => onChange({ state })}
        />
      )}
      <Choice
        title="Sort"
        names={sortingNames}
        options={sortings}
        chosen={options.sorting}
        onChoose={(sorting) => onChange({ sorting })}
      />
      <Choice
        title="Group"
        names={groupingNames}
        options={groupings}
        chosen={options.grouping}
        onChoose={(grouping) => onChange({ grouping, stack: undefined })}
      />
      <ScoreSlider
        minScore={options.minScore}
        onDraft={onDraftMinScore}
        onChoose={(minScore) => onChange({ minScore })}
      />
    </>
  );
  return (
    <search class="toolbar" aria-label="Photos of the job">
      <SearchField
        label="Filter by name, label or category"
        placeholder={isNarrow ? 'Name or label' : 'Name, label or category'}
        value={options.text}
        onInput={(text) => onChange({ text })}
      />
      {isFiltered(options) && (
        <output class="shown">
          {number(shown)} of {number(total)}
        </output>
      )}
      {isNarrow ? (
        <>
          <button type="button" class="filter-button" popovertarget={FILTERS}>
            <Icon name="filter" />
            Filter
          </button>
          <div id={FILTERS} class="filters filters-sheet" popover="auto">
            {controls}
            <button type="button" class="primary" popovertarget={FILTERS} popovertargetaction="hide">
              Show {counted(shown, 'photo')}
            </button>
          </div>
        </>
      ) : (
        <div class="filters">{controls}</div>
      )}
    </search>
  );
}

/** Those that divide the images. */
function segmentsOf(job: JobView, doubtful: number | undefined, chosen: ShownState) {
  const labelled = job.done - job.errors;
  const counts: Record<ShownState, number | undefined> = {
    all: job.total,
    sure: doubtful === undefined ? undefined : labelled - doubtful,
    check: doubtful,
    errors: job.errors,
    waiting: job.total === undefined || isOver(job) ? 0 : Math.max(0, job.total - job.done),
  };
  const total = job.total ?? job.done;
  const isUseful = (state: ShownState) => {
    if (state === 'all' || state === chosen) return true;
    // The count of a smaller job comes in a moment, and may be 0.
    if (counts[state] === undefined) return total > MAX_FETCHED_WHOLE;
    return counts[state] !== 0 && counts[state] !== total;
  };
  return shownStates
    .filter(isUseful)
    .map((value) => ({ value, text: stateNames[value], count: counts[value] }));
}
