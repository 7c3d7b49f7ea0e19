import type { JobView } from '../../../api.ts';
import { Icon } from '../../controls/icon.tsx';
import { counted } from '../../format.ts';
import type { Arrangement } from './arrange.ts';
import { NO_FILTER, type ViewOptions } from './view-options.ts';

interface ViewNotesProps {
  job: JobView;
  options: ViewOptions;
  arrangement: Arrangement;
  /** Images whose outcome is loaded. */
  loaded: number;
  warnings: readonly string[];
  onChange(changed: Partial<ViewOptions>): void;
  /** Undefined if a retry cannot help. */
  onRetry: (() => void) | undefined;
}

/** What is to be said of the shown images. */
export function ViewNotes(props: ViewNotesProps) {
  const { job, options, arrangement, loaded, warnings, onChange, onRetry } = props;
  const { text, state } = options;
  const isNothing = arrangement.images.length === 0;
  return (
    <>
      {arrangement.isPartial && (
        <p class="small">
          This job is too large to load completely. Filters and sorting cover the {counted(loaded, 'photo')}{' '}
          loaded so far. The downloads contain all.
        </p>
      )}
      {state === 'check' && !isNothing && (
        <ul class="warning warnings">
          {warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
      {state === 'errors' && onRetry !== undefined && (
        <p>
          <button type="button" onClick={onRetry}>
            <Icon name="retry" />
            Retry {counted(job.errors, 'failed photo')}
          </button>
        </p>
      )}
      {isNothing && (
        <div class="nothing">
          <p>{text.trim() === '' ? 'No photos match this filter.' : `No photos match “${text.trim()}”.`}</p>
          <button type="button" onClick={() => onChange(NO_FILTER)}>
            Clear filter
          </button>
        </div>
      )}
    </>
  );
}
