/** Draws what was written to a terminal as an SVG that plays it. */

import type { Written } from './pseudo-terminal.ts';
import { openScreen, type Screen, write } from './screen.ts';

interface Frame {
  /** Seconds since the start. */
  at: number;
  /** SVG of each row. */
  rows: string[];
}

/** Changes that follow each other sooner are one frame. */
const FRAME_SECONDS = 0.15;
/** A still screen is shown no longer, but for the last one. */
const LONGEST_SECONDS = 2.5;
const LAST_SECONDS = 4;

const CELL = { width: 8.4, height: 19 };
const MARGIN = 14;
const BACKGROUND = '#16181d';
const FOREGROUND = '#d7dae0';
/** The first eight colours of a terminal. */
const COLOURS = ['#16181d', '#f47067', '#8ddb8c', '#e3b341', '#6cb6ff', '#dcbdfb', '#76e3ea', FOREGROUND];

const escaped = (text: string) =>
  text.replace(/[&<>]/g, (each) => ({ '&': '&amp;', '<': '&lt;' })[each] ?? '&gt;');

/** One row; cells of the same look are one span. */
function rowOf(screen: Screen, row: number): string {
  const { active } = screen.buffer;
  const line = active.getLine(active.baseY + row);
  let svg = '';
  for (let column = 0; line !== undefined && column < screen.cols; ) {
    const look = lookAt(column);
    const first = column;
    let text = '';
    for (; column < screen.cols && lookAt(column) === look; column++)
      text += line.getCell(column)?.getChars() || ' ';
    if (text.trim() !== '')
      svg += `<tspan x="${(first * CELL.width).toFixed(1)}"${look}>${escaped(text.trimEnd())}</tspan>`;
  }
  return svg;

  function lookAt(column: number): string {
    const cell = line?.getCell(column);
    if (cell === undefined) return '';
    const colour = cell.isFgPalette() ? ` fill="${COLOURS[cell.getFgColor() % COLOURS.length]}"` : '';
    return `${colour}${cell.isBold() ? ' font-weight="bold"' : ''}${cell.isDim() ? ' opacity="0.6"' : ''}`;
  }
}

async function framesOf(written: readonly Written[], columns: number, rows: number): Promise<Frame[]> {
  const screen = openScreen(columns, rows);
  const frames: Frame[] = [];
  let shown = '';
  let at = 0;
  for (const [place, [seconds, text]] of written.entries()) {
    await write(screen, text);
    const next = written[place + 1]?.[0] ?? Number.POSITIVE_INFINITY;
    if (next - seconds < FRAME_SECONDS) continue;
    const drawn = Array.from({ length: rows }, (_, row) => rowOf(screen, row));
    if (drawn.join('\n') !== shown) frames.push({ at, rows: drawn });
    shown = drawn.join('\n');
    at += Math.min(next - seconds, LONGEST_SECONDS);
  }
  screen.dispose();
  return frames;
}

/** @returns an SVG without scripts. Who prefers no motion sees its last frame. */
export async function draw(written: readonly Written[], columns: number, rows: number): Promise<string> {
  const frames = await framesOf(written, columns, rows);
  const lasts = (frames.at(-1)?.at ?? 0) + LAST_SECONDS;
  const ids = new Map(
    [...new Set(frames.flatMap((frame) => frame.rows))].filter(Boolean).map((row, id) => [row, `r${id}`]),
  );
  const [width, height] = [columns * CELL.width + 2 * MARGIN, rows * CELL.height + 2 * MARGIN];
  const steps = frames.map(
    ({ at }, place) => `${((100 * at) / lasts).toFixed(3)}%{transform:translateY(${-place * height}px)}`,
  );
  const drawn = frames.map(({ rows: lines }, place) =>
    lines
      .map(
        (line, row) =>
          ids.has(line) && `<use href="#${ids.get(line)}" y="${place * height + (row + 1) * CELL.height}"/>`,
      )
      .filter(Boolean)
      .join(''),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>
text{font:14px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:${FOREGROUND};white-space:pre}
.film{animation:play ${lasts.toFixed(2)}s step-end infinite}
@keyframes play{${steps.join('')}}
@media (prefers-reduced-motion:reduce){.film{animation:none;transform:translateY(${-(frames.length - 1) * height}px)}}
</style>
<defs>${[...ids].map(([row, id]) => `<text id="${id}">${row}</text>`).join('')}</defs>
<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>
<svg x="${MARGIN}" y="${MARGIN}" width="${width - 2 * MARGIN}" height="${height - 2 * MARGIN}"><g class="film">${drawn.join('\n')}</g></svg>
</svg>
`;
}
