/** Zooms and moves a picture in its stage. Points are measured from the middle of the stage. Pure. */

export interface Zoom {
  scale: number;
  /** Where the middle of the picture is. */
  x: number;
  y: number;
}

interface Point {
  x: number;
  y: number;
}
interface Size {
  width: number;
  height: number;
}

/** The whole picture. */
export const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };
const MAX_SCALE = 8;

const limited = (value: number, least: number, most: number): number =>
  Math.max(least, Math.min(most, value));

/** Changes the scale; what is at the point stays there. */
export function zoomAt({ scale, x, y }: Zoom, factor: number, point: Point, stage: Size): Zoom {
  const next = limited(scale * factor, 1, MAX_SCALE);
  const moved = next / scale;
  return within(
    { scale: next, x: point.x - moved * (point.x - x), y: point.y - moved * (point.y - y) },
    stage,
  );
}

export const moveBy = ({ scale, x, y }: Zoom, by: Point, stage: Size): Zoom =>
  within({ scale, x: x + by.x, y: y + by.y }, stage);

/** No edge of the stage's content moves into the stage. */
function within({ scale, x, y }: Zoom, { width, height }: Size): Zoom {
  const [room, roomBelow] = [(width * (scale - 1)) / 2, (height * (scale - 1)) / 2];
  return { scale, x: limited(x, -room, room), y: limited(y, -roomBelow, roomBelow) };
}
