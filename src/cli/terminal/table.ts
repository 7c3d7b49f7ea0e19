import Table from 'cli-table3';
import stringWidth from 'string-width';
import { harmless } from '../../core/text/harmless.ts';
import { fitted, padded } from './fit.ts';
import { coloured, type Screen, type Style } from './screen.ts';

/** A text of one line. Control characters in it are written out. */
export type Cell = string | { text: string; style: Style };

export interface TableStyle {
  /** Undefined: the table goes to a program. Its cells are separated by tabs. */
  screen: Screen | undefined;
  /** `lines` around the cells, for a table that stands alone; `none` for a long list, or inside other text. */
  frame?: 'lines' | 'none';
  /** The columns that hold figures, by their name in the head. */
  alignRight?: readonly string[];
  /** The columns that a narrow terminal does without, the first one first. */
  dropFirst?: readonly string[];
  /** The columns that are cut last, such as those of ids. */
  whole?: readonly string[];
}

/**
 * Draws a table that is at most as wide as the screen, without a newline at its end. A table without a frame and without
 * rows is ''. Without a frame, a row may have fewer cells than the head: its last cell then runs across the columns after it.
 */
export function drawTable(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  style: TableStyle,
): string {
  const { screen, frame = 'lines' } = style;
  if (frame === 'none' && rows.length === 0) return '';
  if (screen === undefined) return [head, ...rows].map(tabSeparated).join('\n');
  const layout = layOut(head, rows, { ...style, screen });
  const lines = rows.map((row) => layout.row(row));
  return [layout.head, ...lines, ...layout.end].join('\n');
}

const textOf = (cell: Cell): string => harmless(typeof cell === 'string' ? cell : cell.text);

/** A row for programs. A tab in a cell is written out, as is any control character. */
export const tabSeparated = (row: readonly Cell[]): string => row.map(textOf).join('\t');

/** The columns of a table, fixed: further rows are cut to them. */
export interface Layout {
  head: string;
  row(cells: readonly Cell[]): string;
  end: readonly string[];
}

/** Chooses columns and their widths by the rows. */
export function layOut(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  { screen, frame = 'lines', alignRight = [], dropFirst = [], whole = [] }: TableStyle & { screen: Screen },
): Layout {
  const complete = [head, ...rows].filter((row) => row.length === head.length);
  const natural = head.map((_, at) =>
    complete.reduce((widest, row) => Math.max(widest, stringWidth(textOf(row[at] ?? ''))), 0),
  );
  const { shown, widths } = fitColumns(natural, {
    columns: screen.columns ?? Number.POSITIVE_INFINITY,
    borders: (count) => (frame === 'lines' ? 1 + 3 * count : GAP.length * (count - 1)),
    dropFirst: dropFirst.map((name) => head.indexOf(name)),
    isWhole: (at) => whole.includes(head[at] ?? ''),
  });
  const aligns = shown.map((at) => (alignRight.includes(head[at] ?? '') ? 'right' : 'left'));
  const dimmed: Cell[] = head.map((text) => ({ text, style: 'dim' }));
  const columns: Columns = { screen, shown, widths, aligns };
  return frame === 'lines' ? framed(dimmed, columns) : unframed(dimmed, columns);
}

interface Columns {
  screen: Screen;
  /** Places of the columns in a row of the caller. */
  shown: readonly number[];
  widths: readonly number[];
  aligns: readonly ('left' | 'right')[];
}

const NO_TOP = { top: '', 'top-left': '', 'top-mid': '', 'top-right': '' };
const NO_BOTTOM = { bottom: '', 'bottom-left': '', 'bottom-mid': '', 'bottom-right': '' };

function framed(head: readonly Cell[], { screen, shown, widths, aligns }: Columns): Layout {
  const style = { head: [], border: [], compact: true };
  const options = { colWidths: widths.map((width) => width + 2), colAligns: [...aligns], style };
  const texts = (cells: readonly Cell[]) =>
    shown.map((at, place) => cut(cells[at] ?? '', widths[place] ?? 0, screen));
  const drawn = (cells: readonly Cell[], chars: Partial<Record<Table.CharName, string>>): string => {
    const table = new Table({ ...options, chars });
    table.push(texts(cells));
    return table.toString();
  };
  const top = new Table({ ...options, head: texts(head), chars: NO_BOTTOM });
  // The line below the head comes with the first row, so draw one and leave it out.
  top.push(texts([]));
  return {
    head: top.toString().split('\n').slice(0, -1).join('\n'),
    row: (cells) => drawn(cells, { ...NO_TOP, ...NO_BOTTOM }),
    end: drawn([], NO_TOP).split('\n').slice(-1),
  };
}

/** Between columns without lines. */
const GAP = '  ';

function unframed(head: readonly Cell[], { screen, shown, widths, aligns }: Columns): Layout {
  const row = (cells: readonly Cell[]): string => {
    const end = cells.length - 1;
    const isShort = cells.length < head.length;
    const places = isShort ? [...shown.filter((at) => at < end), end] : shown;
    const texts = places.map((at, place) => {
      const cell = cells[at] ?? '';
      if (isShort && at === end) {
        const before = widths.slice(0, place).reduce((sum, each) => sum + each + GAP.length, 0);
        return cut(cell, (screen.columns ?? Number.POSITIVE_INFINITY) - before, screen);
      }
      const width = widths[place] ?? 0;
      return padded(cut(cell, width, screen), width, aligns[place] === 'right' ? 'left' : 'right');
    });
    return texts.join(GAP).trimEnd();
  };
  return { head: row(head), row, end: [] };
}

function cut(cell: Cell, width: number, screen: Screen): string {
  const text = fitted(textOf(cell), width);
  return typeof cell === 'string' || !screen.hasColours ? text : coloured(cell.style, text);
}

/** Columns wider than this are cut before others are dropped. */
const READABLE = 20;

interface Fit {
  columns: number;
  /** Width of the borders of so many columns. */
  borders(count: number): number;
  dropFirst: readonly number[];
  isWhole(at: number): boolean;
}

/** Chooses the columns to show, and their widths. The widest give way first. */
function fitColumns(
  natural: readonly number[],
  { columns, borders, dropFirst, isWhole }: Fit,
): { shown: number[]; widths: number[] } {
  let shown = [...natural.keys()];
  const room = () => columns - borders(shown.length);
  const capped = (cap: number, isCut: (at: number) => boolean) =>
    shown.map((at) => (isCut(at) ? Math.min(natural[at] ?? 0, cap) : (natural[at] ?? 0)));
  const fits = (widths: readonly number[]) => widths.reduce((sum, width) => sum + width, 0) <= room();
  for (const next of dropFirst)
    if (!fits(capped(READABLE, (at) => !isWhole(at)))) shown = shown.filter((at) => at !== next);
  for (const isCut of [(at: number) => !isWhole(at), () => true])
    for (let cap = Math.max(...natural); cap >= MIN_CUT; cap--) {
      const widths = capped(cap, isCut);
      if (fits(widths)) return { shown, widths };
    }
  return { shown, widths: capped(MIN_CUT, () => true) };
}

/** Less says nothing. */
const MIN_CUT = 4;
