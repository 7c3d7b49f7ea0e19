import { labelAt } from '../../core/model/level.ts';
import { isError, type Outcome } from '../../core/model/outcome.ts';
import { plainName } from '../../core/text/harmless.ts';
import { percent } from '../../core/text/percent.ts';
import { type Exporter, type ExportOptions, isUnsure, summary } from '../../results/export.ts';
import type { Screen } from '../terminal/screen.ts';
import { type Cell, drawTable, type Layout, layOut, tabSeparated } from '../terminal/table.ts';

/** Rows by which the columns of a longer table are laid out: the others are written as they arrive, to bound memory. */
export const LAID_OUT_ROWS = 500;

/** A table of labels. It has a column of warnings if there are any. @param screen undefined: for a program. */
export function outcomeTable(screen: Screen | undefined, options: Required<ExportOptions>): Exporter {
  const { level } = options;
  const head = ['image', level === 'class' ? 'label' : 'category', 'score', 'warning'];
  const cells = (outcome: Outcome): Cell[] => {
    const name = plainName(outcome.name);
    const text = summary(outcome, level);
    if (isError(outcome)) return [name, { text, style: 'red' }, '', ''];
    const score = labelAt(outcome, level)?.score;
    const unsure = isUnsure(outcome, options);
    const label: Cell = unsure ? text : { text, style: 'bold' };
    const warning = outcome.warning ?? (unsure ? 'unsure' : '');
    return [name, label, score === undefined ? '' : percent(score), { text: warning, style: 'yellow' }];
  };
  return screen === undefined ? rowsForPrograms(head, cells) : drawnRows(head, cells, screen);
}

/** A table of the images that have an error. */
export function errorTable(screen: Screen | undefined): Exporter {
  const head = ['image', 'error', 'reason'];
  const cells = (outcome: Outcome): Cell[] => {
    if (!isError(outcome)) return [];
    const { code, message } = outcome.error;
    return [plainName(outcome.name), { text: code, style: 'red' }, message];
  };
  return screen === undefined ? rowsForPrograms(head, cells) : drawnRows(head, cells, screen);
}

type CellsOf = (outcome: Outcome) => Cell[];

const rowsForPrograms = (head: readonly string[], cells: CellsOf): Exporter => ({
  begin: () => `${tabSeparated(head)}\n`,
  row: (outcome) => `${tabSeparated(cells(outcome))}\n`,
  end: () => '',
});

function drawnRows(head: readonly string[], cells: CellsOf, screen: Screen): Exporter {
  const style = { screen, alignRight: ['score'], dropFirst: ['warning'] };
  let held: Cell[][] = [];
  let layout: Layout | undefined;
  return {
    begin: () => '',
    row(outcome) {
      const row = cells(outcome);
      if (layout !== undefined) return `${layout.row(row)}\n`;
      held.push(row);
      if (held.length <= LAID_OUT_ROWS) return '';
      layout = layOut(head, held, style);
      const lines = [layout.head, ...held.map(layout.row)];
      held = [];
      return `${lines.join('\n')}\n`;
    },
    end() {
      if (layout !== undefined) return layout.end.map((line) => `${line}\n`).join('');
      if (held.length === 0) return '';
      // Without a warning, its column is not drawn.
      const isEmpty = held.every((row) => isEmptyCell(row.at(-1)));
      const shown = isEmpty ? head.length - 1 : head.length;
      return `${drawTable(
        head.slice(0, shown),
        held.map((row) => row.slice(0, shown)),
        style,
      )}\n`;
    },
  };
}

const isEmptyCell = (cell: Cell | undefined): boolean => (typeof cell === 'object' ? cell.text : cell) === '';
