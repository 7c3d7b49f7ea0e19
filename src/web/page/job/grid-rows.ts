/** Images laid out in rows, and how the arrow keys move among them. Pure. */
import type { Group } from './arrange.ts';

export type GridRow =
  | { kind: 'title'; title: string; count: number }
  /** `position`: of the first image among all that are shown. */
  | { kind: 'images'; position: number; images: readonly number[] };

const GAP_PX = 14;
const NARROW_PX = 560;
const CAPTION_PX = 74;
const TITLE_PX = 56;

/** How many cards stand side by side, and how high a row is, its gap included. */
export function gridMeasure(widthPx: number): { columns: number; rowPx: number } {
  const leastPx = widthPx < NARROW_PX ? 150 : 184;
  const columns = Math.max(1, Math.floor((widthPx + GAP_PX) / (leastPx + GAP_PX)));
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

/** Where a key leads; undefined for a key that leads nowhere. */
export function positionAfter(key: string, position: number, rows: readonly GridRow[], shown: number) {
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
      return otherRow(rows, position, -1, 1);
    case 'ArrowDown':
      return otherRow(rows, position, 1, 1);
    case 'PageUp':
      return otherRow(rows, position, -1, 4);
    case 'PageDown':
      return otherRow(rows, position, 1, 4);
    default:
      return undefined;
  }
}

/** The same column, so many rows further; at the edge as far as there are any. */
function otherRow(rows: readonly GridRow[], position: number, step: 1 | -1, steps: number): number {
  const start = rowOf(rows, position);
  const from = rows[start];
  if (from?.kind !== 'images') return position;
  const column = position - from.position;
  let reached = from;
  for (let at = start + step, left = steps; left > 0 && at >= 0 && at < rows.length; at += step) {
    const row = rows[at];
    if (row?.kind !== 'images') continue;
    reached = row;
    left--;
  }
  if (reached === from) return position;
  return reached.position + Math.min(column, reached.images.length - 1);
}
