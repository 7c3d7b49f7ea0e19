import { isError, type Outcome } from '../../core/model/outcome.ts';
import { plainName } from '../../core/text/harmless.ts';
import { createExporter, type Exporter, summary } from '../../results/export.ts';
import { drawTable } from './table.ts';

/** A table for a terminal. It is drawn after the last row. It has a column of warnings if there are any. */
function tableExporter(): Exporter {
  const rows: [name: string, label: string, score: string, warning: string][] = [];
  return {
    begin: () => '',
    row(outcome) {
      const [score, warning] = isError(outcome)
        ? ['', '']
        : [`${(100 * (outcome.labels[0]?.score ?? 0)).toFixed(1)} %`, outcome.warning ?? ''];
      rows.push([plainName(outcome.name), summary(outcome), score, warning]);
      return '';
    },
    end() {
      const columns = ['image', 'label', 'score', 'warning'];
      const shown = rows.some(([, , , warning]) => warning !== '') ? columns.length : columns.length - 1;
      const cells = rows.map((row) => row.slice(0, shown));
      return `${drawTable(columns.slice(0, shown), cells, { alignRight: ['score'] })}\n`;
    },
  };
}

/** Longer tables are written as lines. */
const MAX_TABLE_ROWS = 500;

/** A table; lines if there are more than {@link MAX_TABLE_ROWS} rows. */
export function tableOrLines(): Exporter {
  const table = tableExporter();
  const lines = createExporter('lines');
  let held: Outcome[] | undefined = [];
  return {
    begin: () => '',
    row(outcome) {
      if (held === undefined) return lines.row(outcome);
      held.push(outcome);
      if (held.length <= MAX_TABLE_ROWS) return '';
      const text = held.map(lines.row).join('');
      held = undefined;
      return text;
    },
    end() {
      if (held === undefined) return '';
      held.forEach(table.row);
      return table.end();
    },
  };
}
