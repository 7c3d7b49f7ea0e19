import { isError, type Outcome } from '../../core/model/outcome.ts';
import { plainName } from '../../core/text/harmless.ts';
import { createExporter, type Exporter, summary } from '../../results/export.ts';
import { drawTable } from './table.ts';

/** A table for a terminal. It is drawn after the last row. */
function tableExporter(): Exporter {
  const rows: string[][] = [];
  return {
    begin: () => '',
    row(outcome) {
      const score = isError(outcome) ? '' : `${(100 * (outcome.labels[0]?.score ?? 0)).toFixed(1)} %`;
      rows.push([plainName(outcome.name), summary(outcome), score]);
      return '';
    },
    end: () => `${drawTable(['image', 'label', 'score'], rows, { alignRight: ['score'] })}\n`,
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
