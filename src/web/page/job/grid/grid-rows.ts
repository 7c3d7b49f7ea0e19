/** The rows of the image grid, and keyboard navigation in them. Pure. */

const GAP_PX = 14;
const NARROW_PX = 560;
const CAPTION_PX = 61;
/** Of the border above and below. */
const BORDERS_PX = 2;

/** Tiles in a row, and the height of a row with its gap. */
export function gridMeasure(widthPx: number): { columns: number; rowPx: number } {
  const minCardPx = widthPx < NARROW_PX ? 150 : 184;
  const columns = Math.max(1, Math.floor((widthPx + GAP_PX) / (minCardPx + GAP_PX)));
  const cardPx = (widthPx - GAP_PX * (columns - 1)) / columns;
  return { columns, rowPx: Math.round((cardPx - BORDERS_PX) * 0.75) + BORDERS_PX + CAPTION_PX + GAP_PX };
}

const PAGE_ROWS = 4;

/** The position that a key moves to; undefined for other keys. */
export function positionAfterKey(key: string, position: number, columns: number, count: number) {
  const last = count - 1;
  /** The same column in another row, if that row exists, or the last position. */
  const below = (rows: number): number => {
    const lastRow = Math.floor(last / columns);
    const row = Math.max(0, Math.min(lastRow, Math.floor(position / columns) + rows));
    return Math.min(last, row * columns + (position % columns));
  };
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
      return below(-1);
    case 'ArrowDown':
      return below(1);
    case 'PageUp':
      return below(-PAGE_ROWS);
    case 'PageDown':
      return below(PAGE_ROWS);
    default:
      return undefined;
  }
}
