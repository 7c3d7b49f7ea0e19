/** Tooltip positioning. Pure. */

interface Size {
  width: number;
  height: number;
}
interface Rectangle extends Size {
  x: number;
  y: number;
}

const GAP_PX = 10;
const EDGE_PX = 8;

/** Right of the anchor if there is room, else left, else below, else above; always within the window. */
export function positionBeside(anchor: Rectangle, box: Size, view: Size): { x: number; y: number } {
  const within = (value: number, size: number, room: number) =>
    Math.round(Math.max(EDGE_PX, Math.min(value, room - size - EDGE_PX)));
  const right = anchor.x + anchor.width + GAP_PX;
  const left = anchor.x - GAP_PX - box.width;
  const middle = anchor.y + (anchor.height - box.height) / 2;
  const isRoomBeside = right + box.width + EDGE_PX <= view.width || left >= EDGE_PX;
  if (isRoomBeside) {
    const x = right + box.width + EDGE_PX <= view.width ? right : left;
    return { x: Math.round(x), y: within(middle, box.height, view.height) };
  }
  const below = anchor.y + anchor.height + GAP_PX;
  const isRoomBelow = below + box.height + EDGE_PX <= view.height;
  const y = isRoomBelow ? below : anchor.y - GAP_PX - box.height;
  const x = anchor.x + (anchor.width - box.width) / 2;
  return { x: within(x, box.width, view.width), y: within(y, box.height, view.height) };
}
