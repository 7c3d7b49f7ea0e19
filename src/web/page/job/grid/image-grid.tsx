import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { JobView } from '../../../api.ts';
import type { Arrangement, Stack, Tile } from '../filter/arrange.ts';
import type { FollowedJob } from '../follow/followed-job.ts';
import { ImageCard } from './card.tsx';
import { gridMeasure, positionAfterKey } from './grid-rows.ts';
import { HoverDetail } from './hover-detail.tsx';
import { SHOWN_OF_STACK, StackCard } from './stack-card.tsx';
import { useWidthPx } from './use-width.ts';
import { useWindowRows } from './use-window-rows.ts';

interface ImageGridProps {
  job: JobView;
  followed: FollowedJob;
  arrangement: Arrangement;
  minScore: number;
  /** The image in the photograph view. */
  opened: number | undefined;
  nameOf(index: number): string;
  onOpen(index: number): void;
  onOpenStack(title: string): void;
}

/** The images in rows. Only rows near the window are in the document. */
export function ImageGrid(props: ImageGridProps) {
  const { job, followed, arrangement, minScore, opened, nameOf, onOpen, onOpenStack } = props;
  const { tiles } = arrangement;
  const list = useRef<HTMLDivElement>(null);
  const { columns, rowPx } = gridMeasure(useWidthPx(list));
  /** The one tile that Tab reaches (roving tabindex). */
  const current = useSignal(0);
  const position = Math.min(current.value, Math.max(0, tiles.length - 1));
  const pointed = useSignal<{ index: number; card: HTMLElement } | undefined>(undefined);
  /** The position whose tile gets the focus after the next render. */
  const focusNext = useRef<number>(undefined);
  const rowOf = (at: number) => Math.floor(at / columns);
  const count = Math.ceil(tiles.length / columns);
  const { rows, isOutside, reveal } = useWindowRows(list, { count, rowPx, keptRow: rowOf(position) });
  const tilesOf = (row: number) => tiles.slice(row * columns, (row + 1) * columns);

  const inView = rows.flatMap((row) => tilesOf(row).flatMap(shownImagesOf));
  if (opened !== undefined) inView.push(opened);
  const viewKey = `${inView[0]},${inView.at(-1)},${inView.length},${followed.total.value}`;
  useEffect(() => followed.setVisible(inView), [viewKey]);
  useEffect(() => {
    // A render from before the key press must not take the focus.
    if (focusNext.current !== position) return;
    const tile = list.current?.querySelector<HTMLElement>('[tabindex="0"]');
    if (tile?.dataset.position !== String(position)) return;
    focusNext.current = undefined;
    tile.focus({ preventScroll: true });
  });
  const moveTo = (at: number) => {
    current.value = at;
    focusNext.current = at;
    reveal(rowOf(at));
  };
  const lastOpened = useRef<number>(undefined);
  useEffect(() => {
    if (opened === undefined && lastOpened.current !== undefined) {
      const at = tiles.findIndex((tile) => imagesOf(tile).includes(lastOpened.current ?? -1));
      if (at >= 0) moveTo(at);
    }
    lastOpened.current = opened;
  }, [opened]);

  function onKeyDown(event: KeyboardEvent) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = positionAfterKey(event.key, position, columns, tiles.length);
    if (next === undefined) return;
    event.preventDefault();
    moveTo(next);
  }
  const tileAt = (tile: Tile, at: number) => {
    const place = {
      job: followed.id,
      position: at,
      isCurrent: at === position,
      isOutside: isOutside(rowOf(at)),
    };
    const choose = () => {
      current.value = at;
      pointed.value = undefined;
    };
    if (isStack(tile))
      return (
        <StackCard
          {...place}
          stack={tile}
          onOpen={() => {
            choose();
            onOpenStack(tile.title);
          }}
        />
      );
    return (
      <ImageCard
        {...place}
        index={tile}
        name={nameOf(tile)}
        outcome={followed.outcomes.at(tile)}
        state={followed.outcomes.stateOf(tile)}
        minScore={minScore}
        isPointed={pointed.value?.index === tile}
        onPoint={(card) => {
          pointed.value = card === undefined ? undefined : { index: tile, card };
        }}
        onOpen={() => {
          choose();
          onOpen(tile);
        }}
      />
    );
  };

  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: there are rows between the list and its items. */}
      <div
        ref={list}
        class="grid"
        role="list"
        aria-label="Photos"
        style={{ height: `${count * rowPx}px`, '--columns': columns }}
        onKeyDown={onKeyDown}
      >
        {rows.map((row) => (
          <div
            key={row}
            class="grid-row"
            role="presentation"
            style={{ transform: `translateY(${row * rowPx}px)` }}
          >
            {tilesOf(row).map((tile, column) => {
              const at = row * columns + column;
              return (
                // biome-ignore lint/a11y/useSemanticElements: there are rows between the list and its items.
                <div
                  key={isStack(tile) ? tile.title : tile}
                  class="cell"
                  role="listitem"
                  aria-posinset={at + 1}
                  aria-setsize={tiles.length}
                >
                  {tileAt(tile, at)}
                </div>
              );
            })}
          </div>
        ))}
      </div>
      {pointed.value !== undefined && opened === undefined && (
        <HoverDetail
          job={job}
          card={pointed.value.card}
          name={nameOf(pointed.value.index)}
          outcome={followed.outcomes.at(pointed.value.index)}
          minScore={minScore}
          onClose={() => {
            pointed.value = undefined;
          }}
        />
      )}
    </>
  );
}

const isStack = (tile: Tile): tile is Stack => typeof tile !== 'number';
const imagesOf = (tile: Tile): readonly number[] => (isStack(tile) ? tile.images : [tile]);
const shownImagesOf = (tile: Tile) => imagesOf(tile).slice(0, SHOWN_OF_STACK);
