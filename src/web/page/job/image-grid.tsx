import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { counted } from '../format.ts';
import type { Group } from './arrange.ts';
import { Card } from './card.tsx';
import type { FollowedJob } from './followed-job.ts';
import { type GridRow, gridMeasure, gridRows, positionAfter, rowHeightPx, rowOf } from './grid-rows.ts';
import { HoverDetail } from './hover-detail.tsx';
import { ImageDialog } from './image-dialog.tsx';
import { useVirtualRows } from './use-virtual-rows.ts';
import { useWidthPx } from './use-width.ts';

interface ImageGridProps {
  followed: FollowedJob;
  groups: readonly Group[];
  nameOf(index: number): string;
}

/** The images in rows of which only those near the view are in the document. */
export function ImageGrid({ followed, groups, nameOf }: ImageGridProps) {
  const list = useRef<HTMLDivElement>(null);
  const widthPx = useWidthPx(list);
  const { columns, rowPx } = gridMeasure(widthPx);
  const rows = gridRows(groups, columns);
  const shown = groups.reduce((sum, { images }) => sum + images.length, 0);
  /** The one card that the tab key reaches; arrows go on from it. */
  const current = useSignal(0);
  const position = Math.min(current.value, Math.max(0, shown - 1));
  const pointed = useSignal<{ index: number; card: HTMLElement } | undefined>(undefined);
  const opened = useSignal<number | undefined>(undefined);
  /** The position whose card is to have the focus once it is drawn. */
  const wanted = useRef<number>(undefined);
  const virtual = useVirtualRows(list, {
    count: rows.length,
    heightPx: (row) => rowHeightPx(rows[row], rowPx),
    keptRow: rowOf(rows, position),
  });
  const inView = virtual.items.flatMap(({ index }) => imagesOf(rows[index]));

  const seen = `${inView[0]},${inView.at(-1)},${inView.length},${followed.total.value}`;
  useEffect(() => followed.look(inView), [seen]);
  useEffect(() => {
    // A drawing of before the key must not take the wish for its own card.
    if (wanted.current !== position) return;
    const card = list.current?.querySelector<HTMLElement>('[tabindex="0"]');
    if (card?.dataset.position !== String(position)) return;
    wanted.current = undefined;
    card.focus({ preventScroll: true });
  });

  function onKeyDown(event: KeyboardEvent) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = positionAfter(event.key, position, rows, shown);
    if (next === undefined) return;
    event.preventDefault();
    current.value = next;
    wanted.current = next;
    virtual.reveal(rowOf(rows, next));
  }

  const card = (index: number, at: number) => (
    <Card
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
  const at = (place: number): number | undefined =>
    imagesOf(rows[rowOf(rows, place)])[place - startOf(rows, place)];
  const openedIndex = opened.value === undefined ? undefined : at(opened.value);

  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: rows lie between the list and its items. */}
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
          place={`${opened.value + 1} of ${shown}`}
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
            wanted.current = position;
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
    return <>{row.images.map((index, place) => card(index, row.position + place))}</>;
  return (
    // biome-ignore lint/a11y/useSemanticElements: as its list.
    <div class="grid-title" role="listitem">
      <h2>
        {row.title} <span class="muted">{counted(row.count, 'image')}</span>
      </h2>
    </div>
  );
}
