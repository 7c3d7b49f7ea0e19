import type { Level } from '../../core/model/level.ts';
import { isError, type Outcome } from '../../core/model/outcome.ts';
import { type Exporter, summary } from '../../results/export.ts';
import type { Screen } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';

/** More rows than a person reads on a terminal. */
const MAX_ROWS = 500;
/** Labels that a summary names. */
const SHOWN_LABELS = 20;

/** The table or, of more than {@link MAX_ROWS} images, how many images have each label or category. */
export function tableOrSummary(
  table: Exporter,
  screen: Screen,
  level: Level,
): Exporter & { isSummary(): boolean } {
  let held: Outcome[] | undefined = [];
  const counts = new Map<string, number>();
  const count = (outcome: Outcome) => {
    const label = summary(outcome, level);
    if (!isError(outcome) && label !== '') counts.set(label, (counts.get(label) ?? 0) + 1);
  };
  return {
    begin: () => '',
    row(outcome) {
      count(outcome);
      held?.push(outcome);
      if (held !== undefined && held.length > MAX_ROWS) held = undefined;
      return '';
    },
    end() {
      if (held === undefined) return summaryText(counts, screen, level);
      return [table.begin(), ...held.map(table.row), table.end()].join('');
    },
    isSummary: () => held === undefined,
  };
}

/** `tabby  61`, for each of the most frequent labels. */
function summaryText(counts: ReadonlyMap<string, number>, screen: Screen, level: Level): string {
  const title = level === 'class' ? 'label' : 'category';
  const sorted = [...counts].sort(([a, many], [b, more]) => more - many || a.localeCompare(b));
  const shown = sorted.slice(0, SHOWN_LABELS);
  const rows = shown.map(([label, images]) => [{ text: label, style: 'bold' as const }, String(images)]);
  const others = sorted.length - shown.length;
  const rest = others === 0 ? '' : `and ${others} more\n`;
  return `${drawTable([title, 'images'], rows, { screen, alignRight: ['images'] })}\n${rest}`;
}
