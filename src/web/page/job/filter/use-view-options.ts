import { type ReadonlySignal, useComputed, useSignal } from '@preact/signals';
import { pushQuery, query, replaceQuery } from '../../location.ts';
import { queryOf, type ViewOptions, viewOptionsOf } from './view-options.ts';

interface ShownView {
  options: ReadonlySignal<ViewOptions>;
  change(changed: Partial<ViewOptions>): void;
  /** A score that the slider passes by: not in the address yet. */
  draftMinScore(minScore: number): void;
}

/** What the view shows is kept in the address: it can be shared, and Back closes a stack. */
export function useViewOptions(): ShownView {
  const draft = useSignal<number | undefined>(undefined);
  const options = useComputed(() => {
    const kept = viewOptionsOf(query.value);
    return draft.value === undefined ? kept : { ...kept, minScore: draft.value };
  });
  return {
    options,
    change(changed) {
      draft.value = undefined;
      const opensStack = changed.stack !== undefined;
      if (opensStack) pushQuery(queryOf(changed));
      else replaceQuery(queryOf(changed));
    },
    draftMinScore(minScore) {
      draft.value = minScore;
    },
  };
}
