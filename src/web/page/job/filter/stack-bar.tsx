import { Icon } from '../../controls/icon.tsx';
import { number } from '../../format.ts';
import type { Stack } from './arrange.ts';
import type { Grouping } from './view-options.ts';

const plurals: Record<Grouping, string> = { none: 'photos', label: 'labels', category: 'categories' };

interface StackBarProps {
  grouping: Grouping;
  stacks: readonly Stack[];
  /** The title of the open stack. */
  open: string | undefined;
  onOpen(title: string | undefined): void;
}

/** Which stack is open, and a list to jump to another. */
export function StackBar({ grouping, stacks, open, onOpen }: StackBarProps) {
  const all = `All ${plurals[grouping]}`;
  return (
    <div class="stack-bar">
      {open !== undefined && (
        <button
          type="button"
          class="icon-button"
          aria-label={all}
          title={all}
          onClick={() => onOpen(undefined)}
        >
          <Icon name="back" />
        </button>
      )}
      <select
        aria-label="Jump to"
        value={open ?? ''}
        onChange={({ currentTarget: { value } }) => onOpen(value === '' ? undefined : value)}
      >
        <option value="">
          {all} ({number(stacks.length)})
        </option>
        {stacks.map(({ title, images }) => (
          <option key={title} value={title}>
            {title} ({number(images.length)})
          </option>
        ))}
      </select>
    </div>
  );
}
