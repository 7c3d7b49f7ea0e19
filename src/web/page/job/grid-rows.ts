/** The rows of the image grid, and keyboard navigation in them. Pure. */
import type { Group } from './arrange.ts';

export type GridRow =
  | { kind: 'title'; title: string; count: number }
  /** `position`: of the row's first image among all shown images. */
  | { kind: 'images'; position: number; images: readonly number[] };

const GAP_PX = 14;
const NARROW_PX = 560;
const CAPTION_PX = 93;
const TITLE_PX = 56;

/** Cards in a row, and the height of a row with its gap. */
export function gridMeasure(widthPx: number): { columns: number; rowPx: number } {
  const minCardPx = widthPx < NARROW_PX ? 150 : 184;
  const columns = Math.max(1, Math.floor((widthPx + GAP_PX) / (minCardPx + GAP_PX)));
  const cardPx = (widthPx - GAP_PX * (columns - 1)) / columns;
  return { columns, rowPx: Math.round(cardPx * 0.75) + CAPTION_PX + GAP_PX };
}

export const rowHeightPx = (row: GridRow | undefined, rowPx: number): number =>
  row?.kind === 'title' ? TITLE_PX : rowPx;

export function gridRows(groups: readonly Group[], columns: number): GridRow[] {
  const rows: GridRow[] = [];
  let position = 0;
  for (const { title, images } of groups) {
    if (title !== undefined) rows.push({ kind: 'title', title, count: images.length });
    for (let at = 0; at < images.length; at += columns) {
      const row = images.slice(at, at + columns);
      rows.push({ kind: 'images', position, images: row });
      position += row.length;
    }
  }
  return rows;
}

/** The row that holds the position, or -1. */
export function rowOf(rows: readonly GridRow[], position: number): number {
  return rows.findIndex(
    (row) => row.kind === 'images' && position >= row.position && position < row.position + row.images.length,
  );
}

/** The position that a key moves to; undefined for other keys. */
export function positionAfterKey(key: string, position: number, rows: readonly GridRow[], shown: number) {
  const last = shown - 1;
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, position - 1);
    case 'ArrowRight':
      return Math.min(last, position + 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    case 'ArrowUp':
      return positionInRow(rows, position, -1, 1);
    case 'ArrowDown':
      return positionInRow(rows, position, 1, 1);
    case 'PageUp':
      return positionInRow(rows, position, -1, 4);
    case 'PageDown':
      return positionInRow(rows, position, 1, 4);
    default:
      return undefined;
  }
}

/** The same column, `steps` rows up or down, or the last row in that direction. */
function positionInRow(rows: readonly GridRow[], position: number, direction: 1 | -1, steps: number): number {
  const start = rowOf(rows, position);
  const from = rows[start];
  if (from?.kind !== 'images') return position;
  const column = position - from.position;
  let reached = from;
  for (let at = start + direction, left = steps; left > 0 && at >= 0 && at < rows.length; at += direction) {
    const row = rows[at];
    if (row?.kind !== 'images') continue;
    reached = row;
    left--;
  }
  if (reached === from) return position;
  return reached.position + Math.min(column, reached.images.length - 1);
}
