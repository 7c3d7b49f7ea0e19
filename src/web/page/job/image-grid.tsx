import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { counted } from '../format.ts';
import type { Group } from './arrange.ts';
import { ImageCard } from './card.tsx';
import type { FollowedJob } from './followed-job.ts';
import { type GridRow, gridMeasure, gridRows, positionAfterKey, rowHeightPx, rowOf } from './grid-rows.ts';
import { HoverDetail } from './hover-detail.tsx';
import { ImageDialog } from './image-dialog.tsx';
import { useVirtualRows } from './use-virtual-rows.ts';
import { useWidthPx } from './use-width.ts';

interface ImageGridProps {
  followed: FollowedJob;
  groups: readonly Group[];
  nameOf(index: number): string;
}

/** The images in rows. Only rows near the view are in the document. */
export function ImageGrid({ followed, groups, nameOf }: ImageGridProps) {
  const list = useRef<HTMLDivElement>(null);
  const widthPx = useWidthPx(list);
  const { columns, rowPx } = gridMeasure(widthPx);
  const rows = gridRows(groups, columns);
  const shown = groups.reduce((sum, { images }) => sum + images.length, 0);
  /** The one card that Tab reaches (roving tabindex). */
  const current = useSignal(0);
  const position = Math.min(current.value, Math.max(0, shown - 1));
  const pointed = useSignal<{ index: number; card: HTMLElement } | undefined>(undefined);
  const opened = useSignal<number | undefined>(undefined);
  /** The position whose card gets the focus after the next render. */
  const focusNext = useRef<number>(undefined);
  const virtual = useVirtualRows(list, {
    count: rows.length,
    heightPx: (row) => rowHeightPx(rows[row], rowPx),
    keptRow: rowOf(rows, position),
  });
  const inView = virtual.items.flatMap(({ index }) => imagesOf(rows[index]));

  const viewKey = `${inView[0]},${inView.at(-1)},${inView.length},${followed.total.value}`;
  useEffect(() => followed.setVisible(inView), [viewKey]);
  useEffect(() => {
    // A render from before the key press must not take the focus.
    if (focusNext.current !== position) return;
    const card = list.current?.querySelector<HTMLElement>('[tabindex="0"]');
    if (card?.dataset.position !== String(position)) return;
    focusNext.current = undefined;
    card.focus({ preventScroll: true });
  });

  function onKeyDown(event: KeyboardEvent) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = positionAfterKey(event.key, position, rows, shown);
    if (next === undefined) return;
    event.preventDefault();
    current.value = next;
    focusNext.current = next;
    virtual.reveal(rowOf(rows, next));
  }

  const card = (index: number, at: number) => (
    <ImageCard
      key={index}
      job={followed.id}
      index={index}
      name={nameOf(index)}
      outcome={followed.outcomes.at(index)}
      state={followed.outcomes.stateOf(index)}
      position={at}
      shown={shown}
      isCurrent={at === position}
      isPointed={pointed.value?.index === index}
      onPoint={(element) => {
        pointed.value = element === undefined ? undefined : { index, card: element };
      }}
      onOpen={() => {
        current.value = at;
        pointed.value = undefined;
        opened.value = at;
      }}
    />
  );
  const imageAt = (at: number): number | undefined => imagesOf(rows[rowOf(rows, at)])[at - startOf(rows, at)];
  const openedIndex = opened.value === undefined ? undefined : imageAt(opened.value);

  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: there are rows between the list and its items. */}
      <div
        ref={list}
        class="grid"
        role="list"
        aria-label="Images"
        style={{ height: `${virtual.heightPx}px`, '--columns': columns }}
        onKeyDown={onKeyDown}
      >
        {virtual.items.map(({ index, key, start }) => (
          <div key={key} class="grid-row" role="presentation" style={{ transform: `translateY(${start}px)` }}>
            <Row row={rows[index]} card={card} />
          </div>
        ))}
      </div>
      {pointed.value !== undefined && opened.value === undefined && (
        <HoverDetail
          card={pointed.value.card}
          name={nameOf(pointed.value.index)}
          outcome={followed.outcomes.at(pointed.value.index)}
          onClose={() => {
            pointed.value = undefined;
          }}
        />
      )}
      {opened.value !== undefined && openedIndex !== undefined && (
        <ImageDialog
          job={followed.id}
          index={openedIndex}
          positionText={`${opened.value + 1} of ${shown}`}
          name={nameOf(openedIndex)}
          outcome={followed.outcomes.at(openedIndex)}
          onMove={(step) => {
            const next = Math.max(0, Math.min(shown - 1, (opened.value ?? 0) + step));
            opened.value = next;
            current.value = next;
            virtual.reveal(rowOf(rows, next));
          }}
          onClose={() => {
            opened.value = undefined;
            focusNext.current = position;
          }}
        />
      )}
    </>
  );
}

const imagesOf = (row: GridRow | undefined): readonly number[] => (row?.kind === 'images' ? row.images : []);

function startOf(rows: readonly GridRow[], position: number): number {
  const row = rows[rowOf(rows, position)];
  return row?.kind === 'images' ? row.position : 0;
}

interface RowProps {
  row: GridRow | undefined;
  card(index: number, position: number): preact.JSX.Element;
}

function Row({ row, card }: RowProps) {
  if (row === undefined) return null;
  if (row.kind === 'images')
    return <>{row.images.map((index, column) => card(index, row.position + column))}</>;
  return (
    // biome-ignore lint/a11y/useSemanticElements: an item of the list above.
    <div class="grid-title" role="listitem">
      <h2>
        {row.title} <span class="muted">{counted(row.count, 'photo')}</span>
      </h2>
    </div>
  );
}
