import type { SortMode } from '../../photos/sort/sort-journal.ts';

/** The mode that the flags choose. */
export const modeOf = ({ copy, move }: { copy?: boolean; move?: boolean }): SortMode =>
  copy === true ? 'copy' : move === true ? 'move' : 'link';
