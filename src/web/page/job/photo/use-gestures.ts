import type { Signal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { moveBy, WHOLE, type Zoom, zoomAt } from './zoom.ts';

/** A click or a tap zooms by this. */
const CLICK_FACTOR = 2.5;
/** A pointer that moved less has clicked. */
const CLICK_PX = 6;
/** A finger that moved further to the side has swiped. */
const SWIPE_PX = 50;
/** How far the wheel turns until the scale has changed by the factor e. */
const WHEEL_PX = 300;

interface Pointer {
  x: number;
  y: number;
}

type Stage = HTMLElement;

interface Gestures {
  onPointerDown(event: PointerEvent): void;
  onPointerMove(event: PointerEvent): void;
  onPointerUp(event: PointerEvent): void;
  onPointerCancel(event: PointerEvent): void;
  onWheel(event: WheelEvent): void;
}

/** Zooms by click, wheel and pinch; moves what is zoomed; a swipe shows the next or previous image. */
export function useGestures(zoom: Signal<Zoom>, onSwipe: (step: 1 | -1) => void): Gestures {
  const pointers = useRef(new Map<number, Pointer>());
  /** Where the only pointer went down; undefined once it was a pinch. */
  const down = useRef<Pointer | undefined>(undefined);

  function lift({ pointerId }: PointerEvent) {
    pointers.current.delete(pointerId);
  }
  return {
    onPointerDown(event) {
      if (event.button !== 0 || !isOnPicture(event)) return;
      stageOf(event).setPointerCapture(event.pointerId);
      pointers.current.set(event.pointerId, pointOf(event));
      down.current = pointers.current.size === 1 ? pointOf(event) : undefined;
    },
    onPointerMove(event) {
      const before = pointers.current.get(event.pointerId);
      if (before === undefined) return;
      const point = pointOf(event);
      const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
      pointers.current.set(event.pointerId, point);
      if (other !== undefined) {
        const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
        zoom.value = zoomAt(
          zoom.value,
          distance(point, other) / distance(before, other),
          middle,
          sizeOf(event),
        );
      } else if (zoom.value.scale > 1)
        zoom.value = moveBy(zoom.value, { x: point.x - before.x, y: point.y - before.y }, sizeOf(event));
    },
    onPointerUp(event) {
      lift(event);
      const from = down.current;
      down.current = undefined;
      if (from === undefined) return;
      const point = pointOf(event);
      const sideways = point.x - from.x;
      if (distance(point, from) < CLICK_PX)
        zoom.value = zoom.value.scale > 1 ? WHOLE : zoomAt(WHOLE, CLICK_FACTOR, point, sizeOf(event));
      else if (zoom.value.scale === 1 && event.pointerType !== 'mouse' && isSideways(from, point))
        onSwipe(sideways < 0 ? 1 : -1);
    },
    onPointerCancel: lift,
    onWheel(event) {
      event.preventDefault();
      zoom.value = zoomAt(zoom.value, Math.exp(-event.deltaY / WHEEL_PX), pointOf(event), sizeOf(event));
    },
  };
}

const stageOf = ({ currentTarget }: Event): Stage => currentTarget as Stage;
/** Buttons lie above the picture. */
const isOnPicture = ({ target }: Event): boolean =>
  target instanceof Element && target.closest('button') === null;
const sizeOf = (event: Event) => ({ width: stageOf(event).clientWidth, height: stageOf(event).clientHeight });
const distance = (one: Pointer, other: Pointer): number => Math.hypot(one.x - other.x, one.y - other.y);
const isSideways = (from: Pointer, to: Pointer): boolean =>
  Math.abs(to.x - from.x) > Math.max(SWIPE_PX, Math.abs(to.y - from.y));

/** From the middle of the stage. */
function pointOf(event: MouseEvent): Pointer {
  const { left, top, width, height } = stageOf(event).getBoundingClientRect();
  return { x: event.clientX - left - width / 2, y: event.clientY - top - height / 2 };
}
